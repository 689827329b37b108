#include "relay/model/time.hpp"

#include "relay/model/ascii.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <array>
#include <cstdint>
#include <optional>

namespace relay {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

/// Reads what is expected from the front of a text. Once something was missing, everything after it fails too.
class Reader {
  public:
    explicit Reader(std::string_view text) : m_rest(text) {}

    int digits(std::size_t count) {
        int value = 0;
        for (std::size_t i = 0; i < count; ++i) {
            value = value * 10 + digit();
        }
        return value;
    }

    void one_of(std::string_view characters) {
        if (!next_is(characters)) {
            m_good = false;
            return;
        }
        m_rest.remove_prefix(1);
    }

    bool next_is(std::string_view characters) const {
        return !m_rest.empty() && characters.find(m_rest.front()) != std::string_view::npos;
    }

    bool next_is_digit() const { return !m_rest.empty() && is_digit(m_rest.front()); }
    bool at_end() const { return m_rest.empty(); }
    bool good() const { return m_good; }

  private:
    int digit() {
        if (!next_is_digit()) {
            m_good = false;
            return 0;
        }
        int const value = m_rest.front() - '0';
        m_rest.remove_prefix(1);
        return value;
    }

    std::string_view m_rest;
    bool m_good = true;
};

[[noreturn]] void refuse_instant(std::string_view text, std::string const &fault) {
    throw Error(ErrorKind::usage, "time " + quote_for_message(text) + ' ' + fault,
                {.next = "write RFC 3339, such as 2026-11-22T01:02:03Z"});
}

microseconds read_fraction(Reader &reader, std::string_view text) {
    if (!reader.next_is(".")) {
        return microseconds{0};
    }
    reader.one_of(".");
    int value = reader.digits(1);
    int digits = 1;
    for (; digits < 6 && reader.next_is_digit(); ++digits) {
        value = value * 10 + reader.digits(1);
    }
    if (reader.next_is_digit()) {
        refuse_instant(text, "has more than 6 digits of a second");
    }
    for (; digits < 6; ++digits) {
        value *= 10;
    }
    return microseconds{value};
}

seconds read_offset(Reader &reader, std::string_view text) {
    if (reader.at_end()) {
        refuse_instant(text, "has no time zone; add Z for UTC");
    }
    if (reader.next_is("Zz")) {
        reader.one_of("Zz");
        return seconds{0};
    }
    int const sign = reader.next_is("-") ? -1 : 1;
    reader.one_of("+-");
    std::chrono::hours const hours{reader.digits(2)};
    std::chrono::minutes minutes{0};
    if (!reader.at_end()) {
        reader.one_of(":");
        minutes = std::chrono::minutes{reader.digits(2)};
    }
    if (reader.good() && (hours.count() > 23 || minutes.count() > 59)) {
        refuse_instant(text, "has an offset out of range");
    }
    return sign * (seconds{hours} + minutes);
}

bool in_range(Instant at) {
    using namespace std::chrono;
    constexpr sys_days first = year{1} / January / 1;
    constexpr sys_days past_last = year{10000} / January / 1;
    return at >= first && at < past_last;
}

void append_number(std::string &out, unsigned value, std::size_t width) {
    std::string const digits = std::to_string(value);
    out.append(width > digits.size() ? width - digits.size() : 0, '0');
    out += digits;
}

/// Formats an instant with `digits` (0 to 6) of a second; the rest is cut off.
std::string format_with(Instant at, std::size_t digits) {
    using namespace std::chrono;
    if (!in_range(at)) {
        throw Error(ErrorKind::internal, "an instant is outside the years 1 to 9999");
    }
    sys_days const day = floor<days>(at);
    year_month_day const date{day};
    hh_mm_ss const time{at - day};
    std::string out;
    append_number(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
    append_number(out += '-', static_cast<unsigned>(date.month()), 2);
    append_number(out += '-', static_cast<unsigned>(date.day()), 2);
    append_number(out += 'T', static_cast<unsigned>(time.hours().count()), 2);
    append_number(out += ':', static_cast<unsigned>(time.minutes().count()), 2);
    append_number(out += ':', static_cast<unsigned>(time.seconds().count()), 2);
    if (digits > 0) {
        append_number(out += '.', static_cast<unsigned>(time.subseconds().count()), 6);
        out.resize(out.size() - (6 - digits));
    }
    return out + 'Z';
}

struct Unit {
    char letter;
    std::int64_t length;  ///< seconds
    std::string_view name;
};

constexpr std::array<Unit, 4> units{
    {{'d', 86400, "day"}, {'h', 3600, "hour"}, {'m', 60, "minute"}, {'s', 1, "second"}}};

[[noreturn]] void refuse_duration(
    std::string_view text, std::string const &fault,
    std::string next = "write a whole number and d, h, m or s: 90d, 24h, 10m, 30s, 1d12h, or 0") {
    throw Error(ErrorKind::usage, "duration " + quote_for_message(text) + ' ' + fault, {.next = std::move(next)});
}

[[noreturn]] void refuse_unit(std::string_view text, std::string_view digits, std::string_view rest) {
    if (rest.empty()) {
        std::string const number(digits.size() > 6 ? "90" : digits);
        refuse_duration(text, "has no unit",
                        "write " + number + "d, " + number + "h, " + number + "m or " + number + 's');
    }
    if (rest.front() == '.' || rest.front() == ',') {
        refuse_duration(text, "has a fraction", "write it in smaller units: 1h30m, not 1.5h");
    }
    if (rest.front() == ' ') {
        refuse_duration(text, "has a space");
    }
    refuse_duration(text, "has an unknown unit");
}

[[noreturn]] void refuse_too_long(std::string_view text) {
    refuse_duration(text, "is longer than ten years", "write at most 3650d");
}

/// One number with its unit.
struct Term {
    std::int64_t count;  ///< exact up to the number of seconds in longest_duration, otherwise any larger number
    std::size_t unit;  ///< index in `units`
    std::size_t size;  ///< characters taken
};

/// Reads the term at the front of `rest`; `text` is the whole text, for errors.
Term read_term(std::string_view text, std::string_view rest) {
    Term term{0, 0, 0};
    for (; term.size < rest.size() && is_digit(rest[term.size]); ++term.size) {
        // The number stops growing when it is out of range, long before it could overflow.
        term.count = term.count > longest_duration.count() ? term.count : term.count * 10 + (rest[term.size] - '0');
    }
    if (term.size == 0) {
        refuse_duration(text, "is not a duration");
    }
    if (term.size == rest.size()) {
        refuse_unit(text, rest, "");
    }
    while (term.unit < units.size() && rest[term.size] != units[term.unit].letter) {
        ++term.unit;
    }
    if (term.unit == units.size()) {
        refuse_unit(text, rest.substr(0, term.size), rest.substr(term.size));
    }
    ++term.size;
    return term;
}

std::uint64_t magnitude(seconds duration) {
    auto const bits = static_cast<std::uint64_t>(duration.count());
    return duration.count() < 0 ? std::uint64_t{0} - bits : bits;
}

}  // namespace

Instant parse_instant(std::string_view text) {
    using namespace std::chrono;
    if (text.empty()) {
        refuse_instant(text, "is empty");
    }
    Reader reader(text);
    year const year{reader.digits(4)};
    reader.one_of("-");
    month const month{static_cast<unsigned>(reader.digits(2))};
    reader.one_of("-");
    day const day{static_cast<unsigned>(reader.digits(2))};
    reader.one_of("Tt ");
    int const hour = reader.digits(2);
    reader.one_of(":");
    int const minute = reader.digits(2);
    reader.one_of(":");
    int const second = reader.digits(2);
    if (!reader.good()) {
        refuse_instant(text, "is not a date and time");
    }
    microseconds const fraction = read_fraction(reader, text);
    seconds const offset = reader.good() ? read_offset(reader, text) : seconds{0};
    if (!reader.good() || !reader.at_end()) {
        refuse_instant(text, "is not a date and time");
    }
    year_month_day const date{year, month, day};
    if (!date.ok() || year < std::chrono::year{1}) {
        refuse_instant(text, "has a day that does not exist");
    }
    if (second == 60) {
        refuse_instant(text, "has a leap second, which the database cannot store");
    }
    if (hour > 23 || minute > 59 || second > 59) {
        refuse_instant(text, "has a time of day that does not exist");
    }
    Instant const at = sys_days{date} + hours{hour} + minutes{minute} + seconds{second} + fraction - offset;
    if (!in_range(at)) {
        refuse_instant(text, "is outside the years 1 to 9999");
    }
    return at;
}

std::string format_instant(Instant at) { return format_with(at, 3); }

std::string format_instant_exact(Instant at) { return format_with(at, 6); }

std::string format_instant_seconds(Instant at) { return format_with(at, 0); }

std::chrono::seconds parse_duration(std::string_view text) {
    if (text == "0") {
        return seconds{0};
    }
    if (text.empty()) {
        refuse_duration(text, "is empty");
    }
    if (text.front() == '-' || text.front() == '+') {
        refuse_duration(text, "has a sign");
    }
    std::int64_t total = 0;
    std::size_t next_unit = 0;
    for (std::string_view rest = text; !rest.empty();) {
        Term const term = read_term(text, rest);
        if (term.unit < next_unit) {
            refuse_duration(text, "must have each unit at most once, from the largest to the smallest");
        }
        if (term.count > longest_duration.count() / units[term.unit].length) {
            refuse_too_long(text);
        }
        total += term.count * units[term.unit].length;
        next_unit = term.unit + 1;
        rest.remove_prefix(term.size);
    }
    if (total > longest_duration.count()) {
        refuse_too_long(text);
    }
    return seconds{total};
}

std::string format_duration(std::chrono::seconds duration) {
    constexpr std::uint64_t day = 86400;
    std::uint64_t rest = magnitude(duration);
    if (rest == 0) {
        return "0";
    }
    std::string out = duration.count() < 0 ? "-" : "";
    if (rest % day == 0) {
        return out + std::to_string(rest / day) + 'd';
    }
    for (Unit const &unit : units) {
        auto const length = static_cast<std::uint64_t>(unit.length);
        if (unit.letter != 'd' && rest >= length) {
            out += std::to_string(rest / length) + unit.letter;
            rest %= length;
        }
    }
    return out;
}

std::string describe_duration(std::chrono::seconds duration) {
    std::uint64_t const size = magnitude(duration);
    std::string const sign = duration.count() < 0 ? "-" : "";
    for (Unit const &unit : units) {
        auto const length = static_cast<std::uint64_t>(unit.length);
        if (size >= length || unit.letter == 's') {
            std::uint64_t const count = size / length;
            return sign + counted(count, unit.name);
        }
    }
    return "0 seconds";
}

}  // namespace relay
