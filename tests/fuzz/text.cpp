// Text for people: columns are counted so that what is cut or wrapped fits; UTF-8 is read as RFC 3629 says.
#include "relay/model/text.hpp"
#include "cli/output/text_width.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>

using namespace relay;
using namespace relay::cli;
using namespace relay::fuzz;

namespace {

bool is_plain(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](char c) { return (c & 0x80) != 0; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const *data, std::size_t size) {
    Choices choices(data, size);
    std::size_t const width = choices.below(60) + 4;
    std::string_view const raw = choices.rest();
    for (std::size_t at = 0; at < raw.size();) {
        DecodedCodePoint const point = decode_utf8(raw, at);
        require(point.length >= 1 && point.length <= 4 && (point.valid || point.length == 1), "a step has its length");
        require(!point.valid || (point.value <= 0x10FFFF && (point.value < 0xD800 || point.value > 0xDFFF)),
                "a valid step is a code point");
        at += point.length;
    }
    std::string const text = escape_for_terminal(raw);
    require(is_clean_utf8(text), "escaped text is UTF-8");
    require(display_width(cut_to_width(text, width)) <= width, "cut text fits");
    require(display_width(pad_right(text, width)) >= width, "padded text fills");
    std::string joined;
    for (std::string const &line : wrap_lines(text, width)) {
        joined += line;
        // A short parenthesis is one word, with blanks in it.
        bool const is_ascii = line.find('(') == std::string::npos && is_plain(line);
        require(!is_ascii || display_width(line) <= width || line.find(' ') == std::string::npos,
                "a wrapped line fits, or is one word");
    }
    std::erase(joined, ' ');
    std::string wanted = text;
    std::erase(wanted, ' ');
    require(joined == wanted, "wrapping loses nothing");
    return 0;
}
