#include "envelope.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>

namespace gateway {

namespace {

using nlohmann::json;
using namespace std::chrono;

constexpr std::size_t most_bytes = 256 * 1024;
constexpr int most_levels = 64;
constexpr long most_decimals = 16383, most_exponent = (1 << 30) - 1;  // of a number in PostgreSQL
constexpr auto unreadable = "/: must be JSON that every reader can hold: at most 64 levels, no name twice";
constexpr auto a_text = "must be a text";

/// Whether PostgreSQL holds each number of a JSON text: it has at most 16383 decimals.
bool are_numbers_held(std::string_view text) {
    constexpr std::string_view in_numbers = "+-.0123456789Ee";
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '"') {
            while (++at < text.size() && text[at] != '"') {
                if (text[at] == '\\') {
                    ++at;
                }
            }
        } else if (text[at] == '-' || (text[at] >= '0' && text[at] <= '9')) {
            std::size_t const end = std::min(text.find_first_not_of(in_numbers, at), text.size());
            std::string_view const number = text.substr(at, end - at);
            std::size_t const mark = std::min(number.find_first_of("eE"), number.size());
            std::size_t const point = std::min(number.find('.'), mark);
            std::string_view digits = number.substr(std::min(mark + 1, number.size()));
            digits.remove_prefix(digits.starts_with('+') ? 1 : 0);
            long exponent = 0;
            if (std::from_chars(digits.data(), digits.data() + digits.size(), exponent).ec ==
                std::errc::result_out_of_range) {
                exponent = digits.starts_with('-') ? -most_exponent : most_exponent;
            }
            long const decimals = point < mark ? static_cast<long>(mark - point) - 1 : 0;
            if (decimals - exponent > most_decimals || exponent >= most_exponent) {
                return false;
            }
            at = end - 1;
        }
    }
    return true;
}

/// What the JSON text holds; none if not every reader can hold it.
std::optional<json> read(std::string_view raw) {
    bool held = raw.find('\0') == std::string_view::npos && !raw.starts_with("\xEF\xBB\xBF");
    std::vector<std::set<std::string>> names;  // of the objects that are open
    auto const look = [&](int depth, json::parse_event_t event, json &part) {
        using Event = json::parse_event_t;
        if (event == Event::object_start || event == Event::array_start) {
            held = held && depth < most_levels;
        }
        if (event == Event::object_start) {
            names.emplace_back();
        } else if (event == Event::object_end) {
            names.pop_back();
        } else if ((event == Event::key || event == Event::value) && part.is_string()) {
            held = held && part.get_ref<std::string const &>().find('\0') == std::string::npos;
            held = held && (event == Event::value || names.back().insert(part.get<std::string>()).second);
        }
        return held;
    };
    json value = json::parse(raw, look, false);  // it refuses halves of pairs, and numbers that do not fit a double
    return held && !value.is_discarded() && are_numbers_held(raw) ? std::optional(std::move(value)) : std::nullopt;
}

bool is_text(json const &envelope, char const *name) {
    auto const found = envelope.find(name);
    return found != envelope.end() && found->is_string();
}

/// Words in lower case, joined by dots. By hand, because std::regex needs stack for each character.
bool is_message_type(std::string_view text) {
    char before = '.';
    for (char const one : text) {
        bool const begins = (one >= 'a' && one <= 'z') || (one >= '0' && one <= '9');
        if (!begins && (before == '.' || (one != '.' && one != '_' && one != '-'))) {
            return false;
        }
        before = one;
    }
    return before != '.';
}

/// The number that `text` has at `from`, of `digits` digits; -1: it has none.
int number_at(std::string_view text, std::size_t from, std::size_t digits) {
    int number = 0;
    for (std::size_t at = from; at < from + digits; ++at) {
        if (at >= text.size() || text[at] < '0' || text[at] > '9') {
            return -1;
        }
        number = number * 10 + (text[at] - '0');
    }
    return number;
}

/// Reads "Z" or "+02:00": how far east of UTC.
std::optional<minutes> read_zone(std::string_view zone) {
    if (zone == "Z") {
        return minutes(0);
    }
    int const hour = number_at(zone, 1, 2);
    int const minute = number_at(zone, 4, 2);
    if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':' || hour < 0 || hour > 23 ||
        minute < 0 || minute > 59) {
        return std::nullopt;
    }
    return (zone[0] == '-' ? -1 : 1) * minutes(60 * hour + minute);
}

/// A time of RFC 3339, of the years 1 to 9999, to the nanosecond. In two parts, because such a number of nanoseconds fits
/// no 64 bits. 23:59:60 is the second after it.
struct Time {
    sys_seconds second{};
    nanoseconds fraction{};
};

std::optional<Time> read_time(std::string_view text) {
    constexpr std::string_view signs = "    -  -  T  :  :  ";
    for (std::size_t at = 0; at < signs.size(); ++at) {
        if (at >= text.size() || (signs[at] != ' ' && text[at] != signs[at])) {
            return std::nullopt;
        }
    }
    year_month_day const day{year(number_at(text, 0, 4)), month(static_cast<unsigned>(number_at(text, 5, 2))),
                             std::chrono::day(static_cast<unsigned>(number_at(text, 8, 2)))};
    int const hour = number_at(text, 11, 2);
    int const minute = number_at(text, 14, 2);
    int const second = number_at(text, 17, 2);
    if (number_at(text, 0, 4) < 1 || !day.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
        second > 60) {
        return std::nullopt;
    }
    std::string_view rest = text.substr(signs.size());
    nanoseconds fraction{0};
    if (rest.starts_with('.')) {
        std::size_t const end = std::min(rest.find_first_not_of("0123456789", 1), rest.size());
        if (end == 1 || end > 10) {
            return std::nullopt;
        }
        std::string digits(rest.substr(1, end - 1));
        digits.resize(9, '0');
        fraction = nanoseconds(number_at(digits, 0, 9));
        rest.remove_prefix(end);
    }
    auto const east = read_zone(rest);
    if (!east) {
        return std::nullopt;
    }
    return Time{sys_days(day) + hours(hour) + minutes(minute) + seconds(second) - *east, fraction};
}

std::vector<std::string> broken_rules(json const &envelope) {
    std::vector<std::string> problems;
    auto const require = [&problems](bool kept, std::string const &name, std::string const &what) {
        if (!kept) {
            problems.push_back("/" + name + ": " + what);
        }
    };
    auto const text_of = [&envelope](char const *name) {
        return is_text(envelope, name) ? std::string_view(envelope.at(name).get_ref<std::string const &>())
                                       : std::string_view();
    };
    require(is_text(envelope, "tenantId"), "tenantId", a_text);
    require(is_text(envelope, "agentId"), "agentId", a_text);
    require(is_message_type(text_of("messageType")), "messageType", "must be words in lower case, joined by dots");
    require(envelope.contains("payload"), "payload", "is missing");
    require(read_time(text_of("timestamp")).has_value(), "timestamp", "must be a time of RFC 3339 with a zone");
    for (char const *name : {"correlationId", "causationId", "signature"}) {
        require(is_text(envelope, name) || !envelope.contains(name), name, a_text);
    }
    return problems;
}

/// The envelope is an object if there are no problems.
std::pair<json, std::vector<std::string>> judge(std::string_view raw) {
    if (raw.size() > most_bytes) {
        return {json(), {"/: must have at most 256 KiB"}};
    }
    auto envelope = read(raw);
    if (!envelope) {
        return {json(), {unreadable}};
    }
    if (!envelope->is_object()) {
        return {json(), {"/: must be an object"}};
    }
    auto problems = broken_rules(*envelope);
    return {std::move(*envelope), std::move(problems)};
}

bool is_stale(Time sent, nanoseconds window, Instant now) {
    auto const second = floor<seconds>(now);
    if (abs(sent.second - second) > floor<seconds>(window) + seconds(2)) {
        return true;  // before the nanoseconds, which would overflow
    }
    return abs(sent.second + sent.fraction - now) > window;
}

}  // namespace

std::vector<std::string> envelope_problems(std::string_view raw) { return judge(raw).second; }

EnvelopeCheck validate_envelope(std::string_view raw, std::string_view tenant_id,
                                std::optional<std::string_view> agent_id, std::chrono::nanoseconds window,
                                std::string_view messages, Instant now) {
    auto [envelope, problems] = judge(raw);
    std::string reason = "ok";
    if (!problems.empty()) {
        reason = "envelope_invalid";
    } else if (envelope.at("tenantId") != tenant_id) {
        reason = "tenant_mismatch";
    } else if (agent_id && envelope.at("agentId") != *agent_id) {
        reason = "agent_mismatch";
    } else if (is_stale(*read_time(envelope.at("timestamp").get_ref<std::string const &>()), window, now)) {
        reason = "stale";
    } else if (messages != "optional") {
        reason = "unverified";
    }
    return {.ok = reason == "ok", .reason = reason, .problems = std::move(problems)};
}

}  // namespace gateway
