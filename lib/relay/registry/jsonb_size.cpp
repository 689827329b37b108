#include "relay/registry/jsonb_size.hpp"

#include <algorithm>
#include <charconv>

namespace relay {
namespace {

std::size_t text_size(std::string_view text) {
    std::size_t size = 2;  // the quotes
    for (char const c : text) {
        if (c == '"' || c == '\\' || c == '\b' || c == '\f' || c == '\n' || c == '\r' || c == '\t') {
            size += 2;
        } else {
            size += static_cast<unsigned char>(c) < ' ' ? 6 : 1;  // \u0001
        }
    }
    return size;
}

/// A number is written with all its digits: 1.50e3 as 1500, 1.5e-3 as 0.0015.
std::size_t number_size(std::string_view number) {
    bool const negative = number.front() == '-';
    number.remove_prefix(negative ? 1 : 0);
    std::size_t const exponent_at = std::min(number.find_first_of("eE"), number.size());
    long exponent = 0;
    if (exponent_at < number.size()) {
        std::size_t const digits = exponent_at + (number[exponent_at + 1] == '+' ? 2 : 1);
        std::from_chars(number.data() + digits, number.data() + number.size(), exponent);
    }
    std::string_view const mantissa = number.substr(0, exponent_at);
    std::size_t const point = std::min(mantissa.find('.'), mantissa.size());
    auto const decimals = static_cast<long>(point < mantissa.size() ? mantissa.size() - point - 1 : 0);
    std::size_t const first = mantissa.find_first_of("123456789");
    // How many digits are before the point.
    long whole = 1;
    if (first != mantissa.npos) {
        long const before = static_cast<long>(point) - static_cast<long>(first) + (first > point ? 1 : 0);
        whole = std::max(before + exponent, 1L);
    }
    long const scale = std::max(decimals - exponent, 0L);
    return static_cast<std::size_t>(whole + (scale > 0 ? scale + 1 : 0)) + (negative && first != mantissa.npos ? 1 : 0);
}

}  // namespace

std::size_t jsonb_size(JsonValue const &value) {
    std::size_t size = 2;  // the brackets
    switch (value.kind) {
        case JsonValue::Kind::null: return 4;
        case JsonValue::Kind::boolean: return value.truth ? 4 : 5;
        case JsonValue::Kind::number: return number_size(value.text);
        case JsonValue::Kind::text: return text_size(value.text);
        case JsonValue::Kind::list:
            for (JsonValue const &item : value.items) {
                size += jsonb_size(item);
            }
            return size + (value.items.empty() ? 0 : 2 * (value.items.size() - 1));
        case JsonValue::Kind::object:
            for (auto const &[name, member] : value.members) {
                size += text_size(name) + 2 + jsonb_size(member);
            }
            return size + (value.members.empty() ? 0 : 2 * (value.members.size() - 1));
    }
    return size;
}

}  // namespace relay
