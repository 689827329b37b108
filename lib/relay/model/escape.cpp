#include "relay/model/escape.hpp"

#include "relay/model/text.hpp"
#include "relay/model/unicode.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

namespace relay {
namespace {

/// An escape without its backslash: `x1b`, `u202e`, `U000e0041`.
struct Escape {
    char32_t code_point = 0;
    std::size_t size = 0;
};

/// Returns the escape that `text` begins with, if it is one that escape_for_terminal writes.
std::optional<Escape> escape_at(std::string_view text) {
    constexpr std::string_view kinds = "xuU";
    constexpr std::array<std::size_t, 3> digits{2, 4, 8};
    std::size_t const kind = text.empty() ? kinds.npos : kinds.find(text.front());
    if (kind == kinds.npos) {
        return std::nullopt;
    }
    std::string_view const number = text.substr(1, digits[kind]);
    std::uint32_t value = 0;
    std::from_chars(number.data(), number.data() + number.size(), value, 16);
    std::string written;
    append_utf8(written, value);
    return escape_for_terminal(written) == '\\' + std::string(text.substr(0, number.size() + 1))
               ? std::optional(Escape{.code_point = value, .size = number.size() + 1})
               : std::nullopt;
}

std::string backslashes(std::size_t count) { return std::string(count, '\\'); }

std::size_t run_of_backslashes(std::string_view text) { return std::min(text.find_first_not_of('\\'), text.size()); }

}  // namespace

std::string escape_reversibly(std::string_view text) {
    if (is_printable_ascii(text) && text.find('\\') == text.npos) {
        return std::string(text);
    }
    std::string escaped;
    while (!text.empty()) {
        std::size_t const run = run_of_backslashes(text);
        text.remove_prefix(run);
        DecodedCodePoint const next = decode_utf8(text, 0);
        bool const is_layout = std::string_view("\t\r\n").find(text.substr(0, 1)) != std::string_view::npos;
        bool const is_escaped = !is_layout && is_invisible(next.value);
        escaped += backslashes(is_escaped || escape_at(text) ? 2 * run : run);
        escaped += is_escaped ? escape_for_terminal(text.substr(0, next.length)) : text.substr(0, next.length);
        text.remove_prefix(next.length);
    }
    return escaped;
}

std::string unescape(std::string_view text) {
    std::string plain;
    while (!text.empty()) {
        std::size_t const run = run_of_backslashes(text);
        text.remove_prefix(run);
        std::optional<Escape> const escape = run == 0 ? std::nullopt : escape_at(text);
        plain += backslashes(escape ? run / 2 : run);
        if (escape && run % 2 == 1) {
            append_utf8(plain, escape->code_point);
            text.remove_prefix(escape->size);
        } else if (!text.empty()) {
            std::size_t const plain_size = std::max<std::size_t>(std::min(text.find('\\'), text.size()), 1);
            plain += text.substr(0, plain_size);
            text.remove_prefix(plain_size);
        }
    }
    return plain;
}

void append_utf8(std::string &out, char32_t code_point) {
    auto const put = [&](char32_t byte) { out += static_cast<char>(byte); };
    if (code_point < 0x80) {
        put(code_point);
        return;
    }
    unsigned const more = code_point < 0x800 ? 1 : code_point < 0x10000 ? 2 : 3;
    constexpr std::array<char32_t, 4> lead{0, 0xC0, 0xE0, 0xF0};
    put(lead[more] | code_point >> (6 * more));
    for (unsigned left = more; left > 0; --left) {
        put(0x80 | (code_point >> (6 * (left - 1)) & 0x3F));
    }
}

}  // namespace relay
