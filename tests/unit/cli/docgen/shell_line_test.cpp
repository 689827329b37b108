#include "cli/docgen/shell_line.hpp"

#include <doctest/doctest.h>

using namespace relay::cli::docgen;

TEST_CASE("a short line stays whole, and a long one is broken before a flag, not between a flag and its value") {
    CHECK(break_shell_line("relay-admin org list --all", 30) == "relay-admin org list --all");
    CHECK(break_shell_line("relay-admin org create --name Acme --plan paid", 30) ==
          "relay-admin org create \\\n    --name Acme --plan paid");
    CHECK(break_shell_line("relay-admin org create --name Acme", 24) == "relay-admin org create \\\n    --name Acme");
}

TEST_CASE("blanks inside quotes break no line") {
    CHECK(break_shell_line("run --name \"Acme  Corp of Old\" --reason 'a b' x", 20) ==
          "run \\\n    --name \"Acme  Corp of Old\" \\\n    --reason 'a b' \\\n    x");
}

TEST_CASE("lines that are broken already stay as they are") {
    CHECK(break_shell_line("a \\\n    --b c", 5) == "a \\\n    --b c");
}
