# The kit in C++ with a driver for each part, built as someone else would build a gateway: with librelay, without the program.

find_package(Threads REQUIRED)

# How a gateway decides calls: what each part needs.
add_library(gateway_kit STATIC contract/kit/verifier.cpp contract/kit/feed.cpp contract/kit/uses.cpp)
target_link_libraries(gateway_kit
  PUBLIC relay standard_settings PkgConfig::LIBPQ nlohmann_json::nlohmann_json Threads::Threads
  PRIVATE standard_warnings)

add_executable(verifier_kit contract/kit/rates.cpp contract/kit/nonces.cpp contract/kit/driver.cpp)
target_link_libraries(verifier_kit PRIVATE gateway_kit standard_warnings)

# How it spends what an organization may use.
add_executable(quota_kit contract/kit/quota.cpp contract/kit/quota_driver.cpp)
target_link_libraries(quota_kit PRIVATE gateway_kit standard_warnings)

# What agents ask the registry.
add_executable(registry_kit contract/kit/registry_requests.cpp contract/kit/registry.cpp contract/kit/registry_driver.cpp)
target_link_libraries(registry_kit PRIVATE gateway_kit standard_warnings)

# How it checks the envelopes of messages: without a database, and without librelay.
add_executable(envelope_kit contract/kit/envelope.cpp contract/kit/envelope_driver.cpp)
target_link_libraries(envelope_kit PRIVATE
  standard_settings standard_warnings nlohmann_json::nlohmann_json PkgConfig::LIBSODIUM)

# How it reads requests that are signed, and how an agent signs them.
add_executable(signing_kit contract/kit/nonces.cpp contract/kit/fields.cpp contract/kit/signing.cpp
  contract/kit/signatures.cpp contract/kit/signing_driver.cpp)
target_link_libraries(signing_kit PRIVATE gateway_kit standard_warnings PkgConfig::LIBSODIUM)

foreach(kit gateway_kit verifier_kit registry_kit envelope_kit signing_kit)
  relay_unity(${kit})
endforeach()
