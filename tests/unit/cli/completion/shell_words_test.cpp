#include "cli/completion/shell_words.hpp"

#include <doctest/doctest.h>

using namespace relay::cli;

namespace {

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("a line of bash is split at blanks, and its last word is being typed") {
    CHECK(split_bash_line("relay-admin org li") == Words{"relay-admin", "org", "li"});
    CHECK(split_bash_line("relay-admin  org\t") == Words{"relay-admin", "org", ""});
    CHECK(split_bash_line("") == Words{""});
    CHECK(split_bash_line("a --org=b:c") == Words{"a", "--org=b:c"});
}

TEST_CASE("quotes and backslashes are taken off, also where a quote is open") {
    CHECK(split_bash_line("a 'it \"is' m") == Words{"a", "it \"is", "m"});
    CHECK(split_bash_line("a \"a \\\" b\" m") == Words{"a", "a \" b", "m"});
    CHECK(split_bash_line("a b\\ c\\' m") == Words{"a", "b c'", "m"});
    CHECK(split_bash_line("a x'y'\"z\"") == Words{"a", "xyz"});
    CHECK(split_bash_line("a '' \"\" ") == Words{"a", "", "", ""});
    CHECK(split_bash_line("a 'b c") == Words{"a", "b c"});
    CHECK(split_bash_line("a --x=\"b c") == Words{"a", "--x=b c"});
    CHECK(split_bash_line("a 'b\\' c") == Words{"a", "b\\", "c"});
    CHECK(split_bash_line("a \"b\\n\"") == Words{"a", "b\\n"});
    CHECK(split_bash_line("a b\\") == Words{"a", "b\\"});
}

TEST_CASE("nothing is expanded") {
    CHECK(split_bash_line("a $(touch x) `y` ${z} ~ *") == Words{"a", "$(touch", "x)", "`y`", "${z}", "~", "*"});
}
