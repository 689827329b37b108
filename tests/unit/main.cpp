#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cctype>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

namespace {

/// Variables that could lead a test to a database, a sandbox or settings of the person who started it: the same as in
/// tests/support/surroundings.py, except those for programs that only Python tests start.
bool is_foreign(std::string_view name) {
    bool const is_libpq =
        name.starts_with("PG") && name.size() > 2 && std::isupper(static_cast<unsigned char>(name[2]));
    return is_libpq || name.starts_with("RELAY_ADMIN_") || name.starts_with("XDG_") || name.starts_with("GITHUB_") ||
           name.starts_with("GITLAB_") || name.starts_with("CI_") || name.starts_with("SUDO_");
}

void forget_surroundings() {
    std::vector<std::string> names;
    for (char **entry = environ; *entry != nullptr; ++entry) {
        std::string_view const text = *entry;
        if (std::string_view const name = text.substr(0, text.find('=')); is_foreign(name)) {
            names.emplace_back(name);
        }
    }
    for (std::string const &name : names) {
        unsetenv(name.c_str());
    }
    setenv("HOME", "/nonexistent", 1);
}

}  // namespace

int main(int argc, char **argv) {
    forget_surroundings();
    return doctest::Context(argc, argv).run();
}
