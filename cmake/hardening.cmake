# How a release resists an attacker who has found a bug: what `dpkg-buildflags` gives with hardening=+all on Debian 12
# and 13, said here so that a build by hand has it too. tests/cli/test_hardening.py reads the finished program.

include(CheckCXXCompilerFlag)
include(CheckPIESupported)
check_pie_supported()

# relay_harden(TARGET): adds the flags to the interface of TARGET.
function(relay_harden target)
  target_compile_options(${target} INTERFACE -fstack-protector-strong -Wformat -Werror=format-security)
  target_compile_definitions(${target} INTERFACE _FORTIFY_SOURCE=3)
  # The second is for x86, the third is the same idea on ARM.
  foreach(flag IN ITEMS -fstack-clash-protection -fcf-protection -mbranch-protection=standard)
    string(MAKE_C_IDENTIFIER "RELAY_HAS${flag}" known)
    check_cxx_compiler_flag(${flag} ${known})
    if(${known})
      target_compile_options(${target} INTERFACE ${flag})
    endif()
  endforeach()
  target_link_options(${target} INTERFACE LINKER:-z,relro LINKER:-z,now)
endfunction()
