#include "fixture.hpp"
#include "relay/model/unicode.hpp"

#include <doctest/doctest.h>

#include <set>
#include <sstream>
#include <vector>

using namespace relay;
using namespace relay::test;

namespace {

/// Every code point that a text of a UTF-8 database may contain, and that the database finds invisible.
std::vector<bool> invisible_to(Relay const &relay) {
    std::istringstream found(relay.scratch.query(R"sql(
        SELECT string_agg(code::text, ' ') FROM generate_series(1, 1114111) AS code
        WHERE code NOT BETWEEN 55296 AND 57343 AND NOT relay.is_visible('a' || chr(code) || 'b'))sql"));
    std::vector<bool> invisible(0x110000);
    for (std::size_t code = 0; found >> code;) {
        invisible[code] = true;
    }
    return invisible;
}

}  // namespace

TEST_CASE("the database and the program find the same characters invisible") {
    Relay const relay;
    std::vector<bool> const invisible = invisible_to(relay);
    bool const same_unicode = unicode_version() == "15.0.0";
    std::size_t count = 0;
    for (char32_t code = 1; code < 0x110000; ++code) {
        bool const is_surrogate = code >= 0xD800 && code <= 0xDFFF;
        if (!is_surrogate && invisible[code] != is_invisible(code)) {
            CAPTURE(static_cast<unsigned>(code));
            // A later Unicode may have more of them: then the program is stricter.
            CHECK_MESSAGE((!same_unicode && !invisible[code]), "they differ");
        }
        count += std::size_t{invisible[code]};
    }
    CHECK(count > 140'000);
}

TEST_CASE("the database and the program find the same characters blank") {
    Relay const relay;
    std::istringstream found(relay.scratch.query(R"sql(
        SELECT string_agg(code::text, ' ') FROM generate_series(1, 1114111) AS code
        WHERE code NOT BETWEEN 55296 AND 57343 AND (relay.has_blank_end(chr(code) || 'b') OR relay.has_blank_end('a' || chr(code))))sql"));
    std::set<char32_t> blanks;
    for (std::uint32_t code = 0; found >> code;) {
        blanks.insert(code);
    }
    for (char32_t code = 1; code < 0x110000; ++code) {
        CAPTURE(static_cast<unsigned>(code));
        REQUIRE(blanks.contains(code) == is_blank(code));
    }
    CHECK(blanks.size() == 18);
}

TEST_CASE("no name with a blank at its end is stored, by whatever way; one from before does not stop other changes") {
    Relay const relay;
    for (char const *const sql :
         {"INSERT INTO relay.organizations (org_id, name, created_by) VALUES ('o', 'Acme ', 'x')",
          "UPDATE relay.organizations SET name = U&'\\00A0Acme' WHERE org_id = 'acme'",
          "INSERT INTO relay.agents (agent_id, org_id, name, created_by) VALUES ('a', 'acme', U&'a\\2800', 'x')",
          "INSERT INTO relay.agents (agent_id, org_id, name, owner, created_by) VALUES ('a', 'acme', 'a', ' team', "
          "'x')",
          "INSERT INTO relay.roles (org_id, role_id, name, created_by) VALUES ('acme', 'r', ' ', 'x')"}) {
        CAPTURE(sql);
        CHECK_THROWS_AS(relay.scratch.query(sql), pqxx::check_violation);
    }
    relay.scratch.query("ALTER TABLE relay.organizations DISABLE TRIGGER USER");
    relay.scratch.query("UPDATE relay.organizations SET name = 'Acme ' WHERE org_id = 'acme'");
    relay.scratch.query("ALTER TABLE relay.organizations ENABLE TRIGGER USER");
    CHECK_NOTHROW(
        relay.scratch.query("UPDATE relay.organizations SET name = name, plan = 'paid' WHERE org_id = 'acme'"));
}

TEST_CASE("no name with an invisible character is stored, by whatever way") {
    Relay const relay;
    for (char const *const sql :
         {"INSERT INTO relay.organizations (org_id, name, created_by) VALUES ('o', U&'Ac\\00ADme', 'x')",
          "UPDATE relay.organizations SET name = U&'Acme\\200D' WHERE org_id = 'acme'",
          "INSERT INTO relay.agents (agent_id, org_id, name, created_by) VALUES ('a', 'acme', U&'\\+0E0041', 'x')",
          "INSERT INTO relay.roles (org_id, role_id, name, created_by) VALUES ('acme', 'r', U&'r\\FE0F', 'x')"}) {
        CAPTURE(sql);
        CHECK_THROWS_AS(relay.scratch.query(sql), pqxx::check_violation);
    }
}
