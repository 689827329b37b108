#include <doctest/doctest.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include <unistd.h>

// tests/support/test_surroundings.py runs this case with settings that lead to the sandbox of a person.
TEST_CASE("the tests see nothing of whoever started them") {
    for (char **entry = environ; *entry != nullptr; ++entry) {
        std::string const variable = *entry;
        CAPTURE(variable);
        for (std::string_view const prefix : {"PGH", "PGS", "PGU", "PGP", "RELAY_ADMIN_", "XDG_", "SUDO_"}) {
            CHECK_FALSE(variable.starts_with(prefix));
        }
    }
    CHECK(std::string(std::getenv("HOME")) == "/nonexistent");
}
