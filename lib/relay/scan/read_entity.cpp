#include "relay/scan/characters.hpp"
#include "relay/scan/escape.hpp"

#include <algorithm>
#include <array>

namespace relay::scan {
namespace {

struct Named {
    std::string_view name;
    char character;
};

/// The names of ASCII characters that are in keys, in base64 or in other escapes, and of what is invisible. Source: the
/// list of named character references of the HTML standard.
constexpr std::array named{
    Named{"lowbar", '_'},
    Named{"UnderBar", '_'},
    Named{"amp", '&'},
    Named{"AMP", '&'},
    Named{"quot", '"'},
    Named{"QUOT", '"'},
    Named{"apos", '\''},
    Named{"lt", '<'},
    Named{"LT", '<'},
    Named{"gt", '>'},
    Named{"GT", '>'},
    Named{"num", '#'},
    Named{"percnt", '%'},
    Named{"equals", '='},
    Named{"bsol", '\\'},
    Named{"sol", '/'},
    Named{"plus", '+'},
    Named{"lsqb", '['},
    Named{"lbrack", '['},
    Named{"NewLine", '\n'},
    Named{"Tab", '\t'},
    Named{"colon", ':'},
    Named{"semi", ';'},
    Named{"comma", ','},
    Named{"period", '.'},
    Named{"hyphen", '-'},
    Named{"nbsp", ' '},
    Named{"shy", ' '},
    Named{"zwnj", ' '},
    Named{"zwj", ' '},
    Named{"lrm", ' '},
    Named{"rlm", ' '},
    Named{"dash", '-'},
    Named{"NoBreak", ' '},
    Named{"ZeroWidthSpace", ' '},
};

Escape read_number(std::string_view text) {
    bool const hex = text.size() > 2 && (text[2] == 'x' || text[2] == 'X');
    std::size_t const digits_at = hex ? 3 : 2;
    char const last = text.back();
    bool const is_number = hex ? is_hex_digit(last) : is_digit(last);
    if (text.size() <= digits_at) {
        return is_number || hex || text.size() == 2 ? Escape::open() : Escape::none();
    }
    if (is_number) {
        return text.size() < longest_escape ? Escape::open() : Escape::none();
    }
    unsigned code = 0;
    for (char const c : text.substr(digits_at, text.size() - digits_at - 1)) {
        code = code * (hex ? 16 : 10) + static_cast<unsigned>(hex_value(c));
    }
    // The semicolon may be missing, as in HTML.
    return text.size() == digits_at + 1 ? Escape::none()
                                        : Escape::of(code, last == ';' ? Escape::State::whole : Escape::State::ended);
}

}  // namespace

Escape read_entity(std::string_view text) {
    if (text.size() == 1) {
        return Escape::open();
    }
    if (text[1] == '#') {
        return read_number(text);
    }
    if (text.back() != ';') {
        return is_letter(text.back()) && text.size() < longest_escape ? Escape::open() : Escape::none();
    }
    std::string_view const name = text.substr(1, text.size() - 2);
    auto const at = std::find_if(named.begin(), named.end(), [&](Named const &one) { return one.name == name; });
    return at == named.end() ? Escape::none() : Escape::of(static_cast<unsigned char>(at->character));
}

}  // namespace relay::scan
