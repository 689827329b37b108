# The verifier in C++ with its driver, built as someone else would build a gateway: with librelay, without the program.

find_package(Threads REQUIRED)
add_executable(verifier_kit contract/kit/verifier.cpp contract/kit/feed.cpp contract/kit/uses.cpp contract/kit/rates.cpp contract/kit/nonces.cpp contract/kit/driver.cpp)
target_link_libraries(verifier_kit PRIVATE
  relay standard_settings standard_warnings PkgConfig::LIBPQ nlohmann_json::nlohmann_json Threads::Threads)

# How it spends what an organization may use.
add_executable(quota_kit contract/kit/verifier.cpp contract/kit/feed.cpp contract/kit/uses.cpp contract/kit/quota.cpp
  contract/kit/quota_driver.cpp)
target_link_libraries(quota_kit PRIVATE
  relay standard_settings standard_warnings PkgConfig::LIBPQ nlohmann_json::nlohmann_json Threads::Threads)

# What agents ask the registry.
add_executable(registry_kit contract/kit/verifier.cpp contract/kit/feed.cpp contract/kit/uses.cpp contract/kit/registry_requests.cpp
  contract/kit/registry.cpp contract/kit/registry_driver.cpp)
target_link_libraries(registry_kit PRIVATE
  relay standard_settings standard_warnings PkgConfig::LIBPQ nlohmann_json::nlohmann_json Threads::Threads)

# How it checks the envelopes of messages: without a database, and without librelay.
add_executable(envelope_kit contract/kit/envelope.cpp contract/kit/envelope_driver.cpp)
target_link_libraries(envelope_kit PRIVATE
  standard_settings standard_warnings nlohmann_json::nlohmann_json PkgConfig::LIBSODIUM)

# How it reads requests that are signed, and how an agent signs them.
add_executable(signing_kit contract/kit/verifier.cpp contract/kit/feed.cpp contract/kit/uses.cpp contract/kit/nonces.cpp
  contract/kit/fields.cpp contract/kit/signing.cpp contract/kit/signatures.cpp contract/kit/signing_driver.cpp)
target_link_libraries(signing_kit PRIVATE
  relay standard_settings standard_warnings PkgConfig::LIBSODIUM PkgConfig::LIBPQ nlohmann_json::nlohmann_json Threads::Threads)
