// The undefined behaviour sanitizer ends the program by a trap (see standard_targets.cmake); with this the address sanitizer says where.

extern "C" char const *__asan_default_options();

extern "C" char const *__asan_default_options() { return "handle_sigill=1"; }
