#include "cli/sink/command/spoken_lines.hpp"

#include "../sink_fixture.hpp"

using namespace relay::cli;

namespace {

using Lines = std::vector<std::string>;
std::string const key = "relay_sk_0123456789ab_" + std::string(43, 'S') + "abcdef";
std::string const in_base64 = "cmVsYXlfc2tfMDEyMzQ1Njc4OWFiX1NTU1NTU1NTU1NTU1NTU1NTUw==";

}  // namespace

TEST_CASE("lines come out whole, however they came in, and blank ones do not") {
    for (std::size_t size = 1; size < 20; ++size) {
        SpokenLines spoken("");
        std::string const text = "one\n\n  \ntwo\r\nthree";
        Lines lines;
        for (std::size_t at = 0; at < text.size(); at += size) {
            auto const more = spoken.feed(std::string_view(text).substr(at, size));
            lines.insert(lines.end(), more.begin(), more.end());
        }
        CHECK(lines == Lines{"one", "two"});
        CHECK(spoken.finish() == "three");
        CHECK(spoken.finish().empty());
    }
}

TEST_CASE("a line with a key in it, or with a word of the content, is withheld; its neighbours are not") {
    std::string const content = "RELAY_API_KEY: \"" + in_base64 + "\"\n";
    SpokenLines spoken(content);
    auto const lines = spoken.feed("before\nkey=" + key + "\n" + key.substr(0, 50) + "\nx" + in_base64 + "\nafter\n");
    auto const hidden = std::string(SpokenLines::withheld);
    CHECK(lines == Lines{"before", hidden, hidden, hidden, "after"});
}

TEST_CASE("of an endless line the beginning is shown, and a secret far behind in it is not") {
    SpokenLines spoken(key);
    CHECK(spoken.feed(std::string(100'000, 'a')).empty());
    CHECK(spoken.feed(key + "\n") == Lines{std::string(400, 'a')});
    CHECK(spoken.feed(std::string(500, 'b') + key + "\n") == Lines{std::string(SpokenLines::withheld)});
}

TEST_CASE("text that would move the cursor, and bytes that are not text, are shown as escapes") {
    SpokenLines spoken("");
    CHECK(spoken.feed("\x1b[2J\xff\n") == Lines{"\\x1b[2J\\xff"});
}
