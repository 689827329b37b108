#include "cli/input/blanks.hpp"

#include "relay/model/text.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

bool is_blank_character(char32_t c) {
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200D) ||
           c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x2060 || c == 0x3000 || c == 0xFEFF;
}

/// Returns where the last character of a text begins.
std::size_t begin_of_last(std::string_view text) {
    std::size_t at = text.size() - 1;
    while (at > 0 && text.size() - at < 4 && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U) {
        --at;
    }
    return at;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
    while (!text.empty()) {
        DecodedCodePoint const first = decode_utf8(text, 0);
        if (!first.valid || !is_blank_character(first.value)) {
            break;
        }
        text.remove_prefix(first.length);
    }
    while (!text.empty()) {
        std::size_t const at = begin_of_last(text);
        DecodedCodePoint const last = decode_utf8(text, at);
        if (!last.valid || at + last.length != text.size() || !is_blank_character(last.value)) {
            break;
        }
        text.remove_suffix(last.length);
    }
    return text;
}

std::string lower_case(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return lower;
}

}  // namespace relay::cli
