#include "cli/input/row_reader.hpp"

#include "relay/model/error.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace relay;
using namespace relay::cli;

namespace {

/// A text that comes in pieces of `piece` bytes.
TextSource in_pieces(std::string_view text, std::size_t piece) {
    return TextSource([text, piece](std::span<char> room) mutable {
        std::size_t const size = std::min({text.size(), room.size(), piece});
        std::copy_n(text.begin(), size, room.begin());
        text.remove_prefix(size);
        return size;
    });
}

std::vector<std::string> rows_of(TextSource source) {
    std::vector<std::string> rows;
    read_rows(source, "file", {}, {"agent_id", "name"}, "agent_id", [&](InputRow const &row) {
        std::string text = std::to_string(row.line) + ":";
        for (auto const &[column, value] : row.columns) {
            text += column + "=" + value + ";";
        }
        rows.push_back(text + row.fault);
    });
    return rows;
}

std::string const csv =
    "\xEF\xBB\xBF"
    "agent_id,other,name\r\n"
    "one,x,\"One, the \"\"first\"\"\r\nof two lines\"\r\n"
    "\n"
    "two,x,\"open\" text\r\n"
    "three,x,Thr\"ee\n"
    "four,x\n"
    "five,\"\",Five\r\n"
    "six,x,\"never ends\n"
    "seven,x,Seven";

std::string const json_lines =
    "\n  {\"agent_id\":\"one\",\"name\":\"One\"}\r\n\n{\"agent_id\":1}\nnothing\n{\"agent_id\":\"five\"}";

}  // namespace

TEST_CASE("a CSV gives its rows with their lines, and a broken record does not take the rest with it") {
    CHECK(rows_of(TextSource::of(csv)) ==
          std::vector<std::string>{"2:agent_id=one;name=One, the \"first\"\r\nof two lines;",
                                   "5:text after a quoted field", "6:a quote in an unquoted field",
                                   "7:it has 2 fields, but the first line has 3", "8:agent_id=five;name=Five;",
                                   "9:a quoted field that never ends", "10:agent_id=seven;name=Seven;"});
}

TEST_CASE("rows are the same in whatever pieces the text comes") {
    for (std::string const &text : {csv, json_lines}) {
        auto const whole = rows_of(TextSource::of(text));
        for (std::size_t piece = 1; piece < text.size(); ++piece) {
            REQUIRE(rows_of(in_pieces(text, piece)) == whole);
        }
    }
}

TEST_CASE("a line that is longer than the memory for it is a separate fault") {
    std::string const endless(3 * TextSource::most_at_once, 'x');
    CHECK(rows_of(TextSource::of("agent_id\none\n" + endless + "\ntwo\n")) ==
          std::vector<std::string>{"2:agent_id=one;", "3:longer than 256 KiB, or a quoted field that never ends",
                                   "4:agent_id=two;"});
    CHECK(rows_of(TextSource::of("{\"agent_id\":\"one\"}\n" + endless + "\n{\"agent_id\":\"two\"}\n")) ==
          std::vector<std::string>{"1:agent_id=one;", "2:longer than 256 KiB", "3:agent_id=two;"});
    std::string rows = "agent_id\none\n\"open\n";
    for (std::size_t i = 0; i < 100'000; ++i) {
        rows += "agent-" + std::to_string(i) + "\n";
    }
    CHECK(rows_of(TextSource::of(rows)).size() == 100'002);
}

TEST_CASE("a text without rows is refused, unless it is JSON lines") {
    for (std::string_view const text : {"", "\n\n", "name\n", "\"agent_id"}) {
        CHECK_THROWS_AS(rows_of(TextSource::of(text)), Error);
    }
    CHECK(rows_of(TextSource::of("agent_id\n")).empty());
}
