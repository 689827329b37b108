#include "relay/usage/records.hpp"

#include "relay/model/error.hpp"
#include "relay/model/text.hpp"
#include "relay/model/unicode.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>

namespace relay {

namespace {

constexpr std::size_t longest_hold_id = 127;

/// Returns the number at a place of a text, or nothing if there is any other character.
std::optional<unsigned> digits(std::string_view text, std::size_t at, std::size_t length) {
    std::string_view const part = text.substr(std::min(at, text.size()), length);
    unsigned value = 0;
    auto const end = std::from_chars(part.data(), part.data() + part.size(), value).ptr;
    return part.size() == length && end == part.data() + part.size() ? std::optional(value) : std::nullopt;
}

bool is_month(std::string_view text) {
    auto const year = digits(text, 0, 4);
    auto const month = digits(text, 5, 2);
    return text.size() == 7 && text[4] == '-' && year.value_or(0) >= 1 && month && *month >= 1 && *month <= 12;
}

bool is_day(std::string_view text) {
    auto const day = digits(text, 8, 2);
    if (text.size() != 10 || text[7] != '-' || !is_month(text.substr(0, 7)) || !day) {
        return false;
    }
    return std::chrono::year_month_day(std::chrono::year(static_cast<int>(*digits(text, 0, 4))),
                                       std::chrono::month(*digits(text, 5, 2)), std::chrono::day(*day))
        .ok();
}

[[noreturn]] void refuse(std::string_view what, std::string_view text, std::string_view form) {
    throw Error(ErrorKind::usage, quote_for_message(text) + " is not a " + std::string(what),
                {.why = std::string(form)});
}

/// Returns the number of characters, or nothing if one of them is invisible or malformed.
std::optional<std::size_t> visible_length(std::string_view text) {
    std::size_t length = 0;
    for (std::size_t at = 0; at < text.size(); ++length) {
        DecodedCodePoint const point = decode_utf8(text, at);
        if (!point.valid || is_invisible(point.value)) {
            return std::nullopt;
        }
        at += point.length;
    }
    return length;
}

}  // namespace

MeterName MeterName::parse(std::string_view text) {
    auto const is_good = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
    if (text.empty() || text.size() > 63 || !std::all_of(text.begin(), text.end(), is_good)) {
        refuse("meter", text, "a meter is a word of a-z and _, such as messages");
    }
    return MeterName(std::string(text));
}

HoldId HoldId::parse(std::string_view text) {
    auto const length = visible_length(text);
    if (!length || *length < 1 || *length > longest_hold_id) {
        refuse("valid name of a hold", text, "the name of a hold has 1 to 127 visible characters");
    }
    return HoldId(std::string(text));
}

Day Day::parse(std::string_view text) {
    if (!is_day(text)) {
        refuse("valid day", text, "write a day in UTC as YYYY-MM-DD, such as 2026-11-30");
    }
    return Day(std::string(text));
}

Month Month::parse(std::string_view text) {
    if (!is_month(text)) {
        refuse("valid month", text, "write a month in UTC as YYYY-MM, such as 2026-11");
    }
    return Month(std::string(text));
}

}  // namespace relay
