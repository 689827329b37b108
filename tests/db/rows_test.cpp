#include "relay/db/rows.hpp"
#include "fixture.hpp"

#include "relay/identity/states.hpp"
#include "relay/identity/use_case.hpp"

#include <doctest/doctest.h>

namespace {

using relay::AgentId;
using relay::Error;
using relay::ErrorKind;
using relay::KeyState;

/// The message of the error that `read` ends with.
template <typename Read>
std::string complaint(Read const &read) {
    try {
        read();
        return "none";
    } catch (Error const &error) {
        CHECK(error.kind() == ErrorKind::schema);
        std::string const &text = error.message();
        std::size_t const begin = text.find("result column");
        REQUIRE(begin != text.npos);
        REQUIRE(text.ends_with("; nothing was changed"));
        return text.substr(begin, text.rfind(';') - begin);
    }
}

template <typename Read>
void with_row(char const *sql, Read const &read) {
    relay::test::ScratchDatabase const scratch;
    relay::db::Database database(scratch.settings());
    relay::db::TransactOptions options = relay::reading();
    options.check_schema = false;
    database.transact(options, [&](relay::db::Transaction &transaction) {
        relay::db::Rows const rows = transaction.exec(sql);
        read(rows);
    });
}

TEST_CASE("a row gives ids and values of enums") {
    with_row(
        "SELECT 'retiring' AS state, NULL::text AS none, id FROM (VALUES ('Old.Agent'), ('b')) AS t (id) ORDER BY id",
        [](relay::db::Rows const &rows) {
            CHECK(rows[0].value<KeyState>("state") == KeyState::retiring);
            CHECK(rows[0].optional_value<KeyState>("state") == KeyState::retiring);
            CHECK(rows[0].optional_value<KeyState>("none") == std::nullopt);
            CHECK(rows[0].optional_id<AgentId>("none") == std::nullopt);
            CHECK(rows.ids<AgentId>("id").size() == 2);
            CHECK(rows.ids<AgentId>("id")[0] == rows[0].id<AgentId>("id"));
        });
}

TEST_CASE("a text that no table has is an unexpected answer, with column and text") {
    with_row("SELECT 'asleep' AS state, NULL::text AS none", [](relay::db::Rows const &rows) {
        std::string const expected = "result column state is 'asleep', which this program does not know";
        CHECK(complaint([&] { rows[0].value<KeyState>("state"); }) == expected);
        CHECK(complaint([&] { rows[0].optional_value<KeyState>("state"); }) == expected);
        CHECK(complaint([&] { rows[0].value<KeyState>("none"); }) == "result column none is null");
        CHECK(complaint([&] { rows[0].id<AgentId>("none"); }) == "result column none is null");
    });
}

TEST_CASE("a transaction that makes something returns what its last run made") {
    relay::test::ScratchDatabase const scratch;
    relay::db::Database database(scratch.settings());
    relay::db::TransactOptions options = relay::reading();
    options.check_schema = false;
    int runs = 0;
    std::string const made = database.transact(options, [&](relay::db::Transaction &) {
        ++runs;
        if (runs == 1) {
            throw relay::db::RunAgain();
        }
        return "run " + std::to_string(runs);
    });
    CHECK(made == "run 2");
}

}  // namespace
