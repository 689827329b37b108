#include "relay/model/error.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

using relay::Changed;
using relay::Error;
using relay::ErrorKind;

TEST_CASE("error kinds are the exit codes, which are never renumbered, and have the documented names") {
    std::vector<std::pair<ErrorKind, std::pair<int, std::string>>> const table{
        {ErrorKind::internal, {1, "internal"}},   {ErrorKind::usage, {2, "usage"}},
        {ErrorKind::not_found, {3, "not_found"}}, {ErrorKind::denied, {4, "denied"}},
        {ErrorKind::conflict, {5, "conflict"}},   {ErrorKind::limit, {6, "limit"}},
        {ErrorKind::partial, {7, "partial"}},     {ErrorKind::unavailable, {8, "unavailable"}},
        {ErrorKind::unknown, {9, "unknown"}},     {ErrorKind::check_no, {10, "check_no"}},
        {ErrorKind::schema, {11, "schema"}},      {ErrorKind::sink, {12, "sink"}},
        {ErrorKind::declined, {13, "declined"}},  {ErrorKind::untold, {14, "untold"}}};
    std::set<std::string> names;
    for (auto const &[kind, row] : table) {
        CHECK(static_cast<int>(kind) == row.first);
        CHECK(std::string(relay::text_of(kind)) == row.second);
        names.insert(row.second);
    }
    CHECK(names.size() == 14);
}

TEST_CASE("the outcome for the database is one word") {
    CHECK(relay::text_of(Changed::no) == "no");
    CHECK(relay::text_of(Changed::yes) == "yes");
    CHECK(relay::text_of(Changed::partly) == "partly");
    CHECK(relay::text_of(Changed::unknown) == "unknown");
}

TEST_CASE("an error keeps everything that it got") {
    Error const error(ErrorKind::conflict, "agent a exists",
                      {.why = "w", .next = "n", .suggestions = {"b"}, .changed = Changed::partly, .sqlstate = "23505"});
    CHECK(error.kind() == ErrorKind::conflict);
    CHECK(error.message() == "agent a exists");
    CHECK(std::string(error.what()) == "agent a exists");
    CHECK(error.hint().why == "w");
    CHECK(error.hint().next == "n");
    CHECK(error.hint().suggestions == std::vector<std::string>{"b"});
    CHECK(error.hint().changed == Changed::partly);
    CHECK(error.hint().sqlstate == "23505");
}

TEST_CASE("an error without a hint says that nothing changed") {
    Error const error(ErrorKind::internal, "m");
    CHECK(error.hint().changed == Changed::no);
    CHECK(error.hint().why.empty());
    CHECK(error.hint().next.empty());
}

TEST_CASE("an interruption is not an Error, so that nothing catches it as one") {
    relay::Interrupted const interrupted;
    CHECK(std::string(interrupted.what()) == "interrupted");
    CHECK(dynamic_cast<Error const *>(static_cast<std::exception const *>(&interrupted)) == nullptr);
}
