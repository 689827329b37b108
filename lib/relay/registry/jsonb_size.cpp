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

constexpr long most_exponent = (1 << 30) - 1;  // PostgreSQL reads no greater one

/// A number of JSON in parts: 1.50e-3 has the mantissa 1.50, whose point is at 1, and the exponent -3.
struct Parts {
    std::string_view mantissa{};
    std::size_t point = 0;
    long exponent = 0;

    explicit Parts(std::string_view number)
        : mantissa(number.substr(0, number.find_first_of("eE"))), point(std::min(mantissa.find('.'), mantissa.size())) {
        std::string_view digits = number.substr(std::min(mantissa.size() + 1, number.size()));
        digits.remove_prefix(digits.starts_with('+') ? 1 : 0);
        auto const read = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
        if (read.ec == std::errc::result_out_of_range) {
            exponent = digits.starts_with('-') ? -most_exponent : most_exponent;
        }
    }

    /// How many digits it has after the point when it is written in full.
    long decimals() const {
        auto const written = static_cast<long>(point < mantissa.size() ? mantissa.size() - point - 1 : 0);
        return std::max(written - exponent, 0L);
    }
};

/// A number is written with all its digits: 1.50e3 as 1500, 1.5e-3 as 0.0015.
std::size_t number_size(std::string_view number) {
    bool const negative = number.front() == '-';
    number.remove_prefix(negative ? 1 : 0);
    Parts const parts(number);
    std::string_view const mantissa = parts.mantissa;
    std::size_t const point = parts.point;
    std::size_t const first = mantissa.find_first_of("123456789");
    // How many digits are before the point.
    long whole = 1;
    if (first != mantissa.npos) {
        long const before = static_cast<long>(point) - static_cast<long>(first) + (first > point ? 1 : 0);
        whole = std::max(before + parts.exponent, 1L);
    }
    long const scale = parts.decimals();
    return static_cast<std::size_t>(whole + (scale > 0 ? scale + 1 : 0)) + (negative && first != mantissa.npos ? 1 : 0);
}

}  // namespace

bool jsonb_holds(std::string_view number) {
    constexpr long most_decimals = 16383;
    Parts const parts(number);
    return parts.decimals() <= most_decimals && parts.exponent < most_exponent;
}

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
