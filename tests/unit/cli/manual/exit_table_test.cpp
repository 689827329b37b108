#include "cli/manual/exit_table.hpp"
#include "cli/command.hpp"
#include "cli/manual/manual_text.hpp"
#include "relay/model/error.hpp"

#include <doctest/doctest.h>

using namespace relay;
using namespace relay::cli;

TEST_CASE("the table of exit codes has every kind of error once, in order, under the name that JSON errors use") {
    auto const table = exit_table();
    constexpr int last = static_cast<int>(ErrorKind::untold);
    REQUIRE(table.size() == std::size_t{last} + 3);
    CHECK(table[0].name == "ok");
    for (int code = 0; code <= last; ++code) {
        auto const &row = table[static_cast<std::size_t>(code)];
        CHECK(row.code == code);
        CHECK((code == 0 || row.name == text_of(static_cast<ErrorKind>(code))));
        CHECK_FALSE(row.meaning.empty());
    }
    CHECK(table[std::size_t{last} + 1].code == 130);
    CHECK(table[std::size_t{last} + 2].code == 143);
}

TEST_CASE("the exit codes that a command documents are codes of the table, in order, each with a meaning") {
    for (Command const *command : command_table()) {
        int before = -1;
        for (ManualText::Exit const &exit : split_manual_text(command->doc).exits) {
            CAPTURE(command->path);
            CAPTURE(exit.code);
            int const code = std::stoi(exit.code);
            CHECK(before < code);
            CHECK(code <= static_cast<int>(ErrorKind::untold));
            CHECK(exit.meaning.size() > 3);
            before = code;
        }
    }
}
