// A program outside the tree: makes a key with the installed library and prints the key's id, never the key.

#include <relay/crypto/api_key.hpp>
#include <relay/model/error.hpp>
#include <relay/version.hpp>

#include <cstdio>

int main() try {
    relay::start_crypto();
    auto const key = relay::ApiKey::generate(relay::KeyType::agent);
    std::printf("%s %s\n", std::string(relay::version()).c_str(), key.id().text().c_str());
} catch (relay::Error const &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.kind());
}
