#include "cli/output/error_output.hpp"
#include "cli/output/render_json.hpp"

#include <doctest/doctest.h>

using namespace relay;
using namespace relay::cli;

TEST_CASE("an error says what happened, why, what was meant, and what to do next") {
    Error const error(
        ErrorKind::not_found, "no agent a1",
        {.why = "it was never made", .next = advise(Act::list_agents).also("make it"), .suggestions = {"a2", "a3"}});
    CHECK(error_text(error, {}, false) ==
          "relay-admin: error: no agent a1\n"
          "  why:  it was never made\n"
          "  did you mean: a2, a3\n"
          "  next: relay-admin agent list\n"
          "  next: make it\n");
    CHECK(error_text({ErrorKind::usage, "bad"}, {.verbose = true}, false) == "relay-admin: error: bad\n");
}

TEST_CASE("hostile text in an error is escaped, and cannot add lines") {
    Error const error(ErrorKind::usage, "unknown command '\033[2J\nrelay-admin: ok'", {.suggestions = {"\u202e"}});
    CHECK(error_text(error, {}, false) ==
          "relay-admin: error: unknown command '\\x1b[2J\\x0arelay-admin: ok'\n  did you mean: \\u202e\n");
}

TEST_CASE("the SQLSTATE is shown only with -v") {
    Error const error(ErrorKind::denied, "no", {.sqlstate = "42501"});
    CHECK(error_text(error, {.verbose = true}, false) == "relay-admin: error: no\n  sqlstate: 42501\n");
    CHECK(error_text(error, {}, true) == "relay-admin: \033[1;31merror:\033[0m no\n");
}

TEST_CASE("the JSON error is one line with every key") {
    CHECK(
        error_json({ErrorKind::unavailable, "gone", {.changed = Changed::no, .sqlstate = "57P01"}}, {}) ==
        R"({"schema":"relay-admin/v1","kind":"Error","error":{"code":"unavailable","exit":8,"message":"gone","why":null,)"
        R"("next":null,"suggestions":[],"changed":"no","retryable":true,"sqlstate":"57P01"}})"
        "\n");
    CHECK(
        error_json(
            {ErrorKind::unknown, "x\ny", {.why = "w", .next = "n", .suggestions = {"s"}, .changed = Changed::unknown}},
            {}) ==
        R"({"schema":"relay-admin/v1","kind":"Error","error":{"code":"unknown","exit":9,"message":"x\ny","why":"w",)"
        R"("next":"n","suggestions":["s"],"changed":"unknown","retryable":false,"sqlstate":null}})"
        "\n");
}
