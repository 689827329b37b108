#include "cli/legacy/revoked_value.hpp"

#include "cli/input/blanks.hpp"
#include "cli/input/yes_no.hpp"
#include "relay/model/column_names.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace relay::cli {

namespace {

using std::chrono::microseconds;

/// The year 2000. No key was revoked before, but other programs write some earlier times for "never".
constexpr std::chrono::seconds earliest_epoch{946'684'800};

bool is_number(std::string_view text) { return !text.empty() && text.find_first_not_of("0123456789") == text.npos; }

bool is_among(std::string_view text, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), text) != words.end();
}

/// Year 1 in seconds since 1970, or smaller units: Go's zero time.
bool is_year_one(std::string_view word) {
    constexpr std::string_view seconds = "-62135596800";
    return word.starts_with(seconds) && word.find_first_not_of("0.", seconds.size()) == word.npos;
}

/// Returns whether other programs write this for "never".
bool is_never(std::string_view word) {
    return is_year_one(word) || is_among(word, {"infinity", "null", "none", "nil", "\\n"}) ||
           word.starts_with("0001-01-01") || word.starts_with("0000-00-00") ||
           word.starts_with("1970-01-01t00:00:00") || word.starts_with("1970-01-01 00:00:00") || word == "1970-01-01";
}

/// Reads seconds, milliseconds or microseconds since 1970, by their size and without a fraction; none if it is before the year 2000 or after
/// 2100: a small number is a state, not a time.
std::optional<Instant> epoch_time(std::string_view text) {
    if (std::size_t const dot = text.find('.'); dot != text.npos && is_number(text.substr(dot + 1))) {
        text = text.substr(0, dot);  // as Python and floating-point columns have it
    }
    constexpr std::int64_t earliest = earliest_epoch.count();
    constexpr std::int64_t latest = 4'102'444'800;
    std::int64_t number = 0;
    if (!is_number(text) || std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc()) {
        return std::nullopt;
    }
    for (std::int64_t const unit : {1, 1000, 1'000'000}) {
        if (number >= earliest * unit && number <= latest * unit) {
            return Instant(microseconds(number * (1'000'000 / unit)));
        }
    }
    return std::nullopt;
}

/// Returns a time as parse_instant reads it: to the microsecond, and in UTC if it has no zone.
std::string with_zone(std::string text) {
    if (text.size() == std::string_view("2024-01-02").size()) {
        return text + "T00:00:00Z";
    }
    for (std::string_view const zone : {" UTC", " utc", " Z"}) {
        if (text.ends_with(zone)) {
            text.replace(text.size() - zone.size(), zone.size(), "Z");
        }
    }
    constexpr std::size_t most_digits = 6;
    if (std::size_t const dot = text.find('.'); dot != text.npos) {
        std::size_t const end = std::min(text.find_first_not_of("0123456789", dot + 1), text.size());
        if (end - dot - 1 > most_digits) {
            text.erase(dot + 1 + most_digits, end - dot - 1 - most_digits);
        }
    }
    bool const has_zone = text.find_first_of("Zz+", 10) != text.npos || text.find('-', 10) != text.npos;
    return has_zone ? text : text + "Z";
}

std::optional<Instant> written_time(std::string const &text) {
    constexpr std::string_view shape = "0000-00-00";
    for (std::size_t i = 0; i < shape.size(); ++i) {
        if (i >= text.size() || (shape[i] == '-') != (text[i] == '-') ||
            (shape[i] == '0' && !is_number(text.substr(i, 1)))) {
            return std::nullopt;
        }
    }
    try {
        return parse_instant(with_zone(text));
    } catch (Error const &) {
        return std::nullopt;
    }
}

bool means(std::string const &text, std::string const &word) {
    auto const said = read_yes_no(text);
    return said ? said == read_yes_no(word) : lower_case(text) == lower_case(word);
}

/// Names of columns that say the opposite of revoked.
bool is_opposite(std::string_view column) {
    return is_among(folded_name(column),
                    {"enabled", "isenabled", "enable", "active", "isactive", "valid", "isvalid", "live", "islive"});
}

}  // namespace

RevokedValue read_revoked(std::string const &column, std::string const &text, std::vector<std::string> const &words) {
    if (!words.empty()) {
        return {.revoked =
                    std::any_of(words.begin(), words.end(), [&](auto const &word) { return means(text, word); })};
    }
    if (auto const said = read_yes_no(text)) {
        return {.revoked = *said};
    }
    if (is_never(lower_case(text))) {
        return {};
    }
    auto const epoch = epoch_time(text);
    if (auto const at = epoch ? epoch : written_time(text)) {
        if (*at < Instant(earliest_epoch)) {
            throw Error(ErrorKind::usage, "its " + column + " is " + quote_for_message(text, 40) +
                                              ", before the year 2000: clear it if that means never");
        }
        return {.revoked = true, .at = at};
    }
    bool const two_dates = text.find_first_not_of("0123456789/.: APMapm") == text.npos &&
                           text.find_first_of("/.") != text.find_last_of("/.");
    throw Error(ErrorKind::usage,
                "its " + column + " is " + quote_for_message(text, 40) +
                    (two_dates ? ", which can be two dates: write 2024-01-31" : ": not a known yes or no, nor a time"));
}

std::vector<std::string> take_revoked_words(std::vector<std::string> &pairs) {
    std::vector<std::string> words;
    std::vector<std::string> rest;
    bool taking = false;
    for (std::string &pair : pairs) {
        std::size_t const equals = pair.find('=');
        std::size_t const colon = pair.find(':');
        if (pair.starts_with("revoked=") && colon != pair.npos) {
            words.push_back(pair.substr(colon + 1));
            rest.push_back(pair.substr(0, colon));
            taking = true;
        } else if (taking && equals == pair.npos) {
            words.push_back(pair);
        } else {
            if (pair.starts_with("revoked") && equals != pair.npos && is_opposite(pair.substr(equals + 1))) {
                std::string const column = pair.substr(equals + 1);
                throw Error(ErrorKind::usage,
                            "--map " + quote_for_message(pair) + " would revoke the agents that are not revoked",
                            {.next = "name the words that mean revoked: --map revoked=" + column + ":false"});
            }
            rest.push_back(std::move(pair));
            taking = false;
        }
    }
    if (std::find_if(words.begin(), words.end(), [](auto const &word) { return is_blank(word); }) != words.end()) {
        throw Error(ErrorKind::usage, "--map revoked=COLUMN: has no word after the colon",
                    {.next = "write it as in --map revoked=status:SUSPENDED,DELETED"});
    }
    pairs = std::move(rest);
    return words;
}

}  // namespace relay::cli
