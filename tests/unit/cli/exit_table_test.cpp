#include "cli/exit_table.hpp"
#include "relay/model/error.hpp"

#include <doctest/doctest.h>

using namespace relay;
using namespace relay::cli;

TEST_CASE("the table of exit codes has every kind of error once, in order, under the name that JSON errors use") {
    auto const table = exit_table();
    constexpr int last = static_cast<int>(ErrorKind::declined);
    REQUIRE(table.size() == std::size_t{last} + 3);
    CHECK(table[0].name == "ok");
    for (int code = 0; code <= last; ++code) {
        auto const &row = table[static_cast<std::size_t>(code)];
        CHECK(row.code == code);
        CHECK((code == 0 || row.name == error_code_name(static_cast<ErrorKind>(code))));
        CHECK_FALSE(row.meaning.empty());
    }
    CHECK(table[std::size_t{last} + 1].code == 130);
    CHECK(table[std::size_t{last} + 2].code == 143);
}
