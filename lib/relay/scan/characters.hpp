#pragma once

#include "relay/model/ascii.hpp"

#include <array>

namespace relay::scan {

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }
constexpr bool is_octal(char c) { return c >= '0' && c <= '7'; }

/// True for every character that a key can have. All others are skipped inside a key.
constexpr bool is_key_character(char c) { return is_letter_or_digit(c) || c == '_'; }

/// Returns the value of a hexadecimal digit, or -1.
constexpr int hex_value(char c) {
    return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/// Returns the value of a character of base64 or base64url, or -1.
constexpr int base64_value(char c) {
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : is_digit(c)          ? c - '0' + 52
           : c == '+' || c == '-' ? 62
           : c == '/' || c == '_' ? 63
                                  : -1;
}

/// Returns the value of a character of base32 (RFC 4648), or -1. Both cases are in use, but not in one text.
constexpr int base32_value(char c) {
    return is_letter(c) ? (c | 0x20) - 'a' : c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

/// A function of a character, as a table: these are asked for every byte of every log.
template <typename Value>
struct Table {
    std::array<Value, 256> values{};
    template <typename Function>
    constexpr explicit Table(Function function) {
        for (unsigned c = 0; c < values.size(); ++c) {
            values[c] = static_cast<Value>(function(static_cast<char>(c)));
        }
    }
    constexpr Value operator[](char c) const { return values[static_cast<unsigned char>(c)]; }
};

}  // namespace relay::scan
