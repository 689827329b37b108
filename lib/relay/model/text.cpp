#include "relay/model/text.hpp"

#include "relay/model/ascii.hpp"
#include "relay/model/unicode.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace relay {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

void append_hex(std::string &out, char32_t value, int digits) {
    for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
        out += hex_digits[(value >> shift) & 0xF];
    }
}

void append_escaped(std::string &out, std::string_view text, std::size_t position, DecodedCodePoint const &point) {
    if (!point.valid || point.value < 0x80) {
        if (point.valid && !is_invisible(point.value)) {
            out += static_cast<char>(point.value);
            return;
        }
        out += "\\x";
        append_hex(out, point.value, 2);
    } else if (is_invisible(point.value)) {
        bool const is_short = point.value <= 0xFFFF;
        out += is_short ? "\\u" : "\\U";
        append_hex(out, point.value, is_short ? 4 : 8);
    } else {
        out += text.substr(position, point.length);
    }
}

bool is_word_character(char c) { return is_letter_or_digit(c) || c == '_'; }

template <typename Predicate>
std::size_t run_length(std::string_view text, Predicate belongs) {
    return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), belongs) - text.begin());
}

/// Returns the position in `text` at which a key begins, in upper or lower case; the size of `text` if there is none.
std::size_t find_key(std::string_view text) {
    constexpr std::array<std::string_view, 3> prefixes{"relay_sk_", "relay_at_", "relay_dt_"};
    auto const same = [](char typed, char wanted) {
        return typed == wanted || (typed >= 'A' && typed <= 'Z' && typed - 'A' + 'a' == wanted);
    };
    auto first = text.end();
    for (std::string_view prefix : prefixes) {
        first = std::min(first, std::search(text.begin(), text.end(), prefix.begin(), prefix.end(), same));
    }
    return static_cast<std::size_t>(first - text.begin());
}

void append_withheld(std::string &out, std::size_t count) {
    out += '[' + std::to_string(count) + " characters withheld]";
}

void append_without_long_runs(std::string &out, std::string_view word) {
    constexpr std::size_t secret_like = 32;
    while (!word.empty()) {
        std::size_t const run = run_length(word, is_letter_or_digit);
        if (run >= secret_like) {
            append_withheld(out, run);
        } else {
            out += word.substr(0, run);
        }
        word.remove_prefix(run);
        if (!word.empty()) {
            out += word.front();
            word.remove_prefix(1);
        }
    }
}

std::string withhold_secrets(std::string_view text) {
    if (may_hold_password(text)) {
        std::string out;
        append_withheld(out, text.size());
        return out;
    }
    // A key's prefix and id are public; the rest is not.
    constexpr std::size_t public_part = 9 + 12;
    std::string out;
    while (!text.empty()) {
        std::string_view const word = text.substr(0, run_length(text, is_word_character));
        std::size_t const key = find_key(word);
        append_without_long_runs(out, word.substr(0, key));
        std::string_view const from_key = word.substr(key);
        out += from_key.substr(0, public_part);
        if (from_key.size() > public_part) {
            append_withheld(out, from_key.size() - public_part);
        }
        text.remove_prefix(word.size());
        std::size_t const others = run_length(text, [](char c) { return !is_word_character(c); });
        out += text.substr(0, others);
        text.remove_prefix(others);
    }
    return out;
}

/// Returns the true Damerau-Levenshtein distance, in which swapped letters may have others between them (Lowrance and
/// Wagner, JACM 22 (1975), 177). If the lengths alone show that it is above `limit`, returns any number above
/// `limit`.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit) {
    std::size_t const gap = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
    if (gap > limit) {
        return limit + 1;
    }
    std::size_t const width = b.size() + 2;
    std::size_t const infinite = a.size() + b.size();
    std::vector<std::size_t> cell((a.size() + 2) * width, infinite);
    auto const at = [&cell, width](std::size_t i, std::size_t j) -> std::size_t & { return cell[i * width + j]; };
    for (std::size_t i = 0; i <= a.size(); ++i) {
        at(i + 1, 1) = i;
    }
    for (std::size_t j = 0; j <= b.size(); ++j) {
        at(1, j + 1) = j;
    }
    std::array<std::size_t, 256> last_row{};
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t last_match = 0;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            std::size_t const row = last_row[static_cast<unsigned char>(b[j - 1])];
            std::size_t const column = last_match;
            bool const same = a[i - 1] == b[j - 1];
            if (same) {
                last_match = j;
            }
            at(i + 1, j + 1) = std::min({at(i, j) + (same ? 0 : 1), at(i + 1, j) + 1, at(i, j + 1) + 1,
                                         at(row, column) + (i - row - 1) + 1 + (j - column - 1)});
        }
        last_row[static_cast<unsigned char>(a[i - 1])] = i;
    }
    return at(a.size() + 1, b.size() + 1);
}

/// Returns whether two words differ only in the case of letters, and in what is between their parts: `pay_bot`, `Pay-Bot`.
bool is_same_but_for_style(std::string_view a, std::string_view b) {
    auto const letters = [](std::string_view text) {
        std::string plain;
        for (char const c : text) {
            if (c != '-' && c != '_' && c != '.' && c != ' ') {
                plain += to_lower(c);
            }
        }
        return plain;
    };
    return letters(a) == letters(b);
}

}  // namespace

DecodedCodePoint decode_utf8(std::string_view text, std::size_t position) {
    if (position >= text.size()) {
        return {};
    }
    auto const byte = [text, position](std::size_t i) -> char32_t {
        return static_cast<unsigned char>(text[position + i]);
    };
    char32_t const lead = byte(0);
    if (lead < 0x80) {
        return {lead, 1, true};
    }
    DecodedCodePoint const malformed{lead, 1, false};
    std::size_t const length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() - position < length) {
        return malformed;
    }
    char32_t value = lead & (0x7Fu >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80) {
            return malformed;
        }
        value = (value << 6) | (byte(i) & 0x3F);
    }
    bool const overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
    bool const surrogate = value >= 0xD800 && value <= 0xDFFF;
    if (overlong || surrogate || value > 0x10FFFF) {
        return malformed;
    }
    return {value, length, true};
}

bool is_printable_ascii(std::string_view text) {
    bool all = true;
    for (char const c : text) {  // without an early end, which the compiler could not make fast
        all &= c >= ' ' && c < '\x7f';
    }
    return all;
}

bool is_clean_utf8(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        DecodedCodePoint const point = decode_utf8(text, i);
        if (!point.valid || point.value == 0) {
            return false;
        }
        i += point.length;
    }
    return true;
}

std::string escape_for_terminal(std::string_view text) {
    if (is_printable_ascii(text)) {
        return std::string(text);
    }
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size();) {
        DecodedCodePoint const point = decode_utf8(text, i);
        append_escaped(out, text, i, point);
        i += point.length;
    }
    return out;
}

std::string quote_for_message(std::string_view text, std::size_t most) {
    std::string const withheld = withhold_secrets(text);
    std::string out = "'";
    for (std::size_t i = 0; i < withheld.size();) {
        DecodedCodePoint const point = decode_utf8(withheld, i);
        if (i + point.length > most) {
            return out + "...'";
        }
        append_escaped(out, withheld, i, point);
        i += point.length;
    }
    return out + '\'';
}

std::string plural(std::string_view noun) {
    // A standby is a compound with "by", and the manual of PostgreSQL writes its plural as "standbys".
    bool const ends_in_ies = noun.size() > 1 && noun.back() == 'y' && !noun.ends_with("by") &&
                             std::string_view("aeiou").find(noun[noun.size() - 2]) == std::string_view::npos;
    return ends_in_ies ? std::string(noun.substr(0, noun.size() - 1)) + "ies" : std::string(noun) + "s";
}

bool holds_key(std::string_view text) {
    constexpr std::size_t whole_prefix_id_and_some_secret = 9 + 29;
    for (std::size_t key = find_key(text); key < text.size(); key = find_key(text)) {
        text.remove_prefix(key);
        if (run_length(text, is_word_character) >= whole_prefix_id_and_some_secret) {
            return true;
        }
        text.remove_prefix(1);
    }
    return false;
}

bool may_hold_password(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
    std::size_t const scheme_end = lower.find("://");
    bool const is_address = scheme_end != lower.npos;
    std::size_t const colon = lower.find(':', is_address ? scheme_end + 3 : 0);
    if (std::size_t const at = lower.rfind('@'); at != lower.npos && colon < at) {
        return true;  // user:password@host
    }
    // Percent escapes could spell "password" in the parameters of an address.
    if (std::size_t const query = lower.find('?');
        is_address && query != lower.npos && lower.find('%', query) != lower.npos) {
        return true;
    }
    for (std::string_view const name : {"pass", "pwd"}) {
        for (std::size_t at = lower.find(name); at != lower.npos; at = lower.find(name, at + 1)) {
            bool const is_file = lower.compare(at, 8, "passfile") == 0;
            if (!is_file && lower.find('=', at) != lower.npos) {
                return true;
            }
        }
    }
    return false;
}

std::vector<std::string> closest(std::string_view given, std::vector<std::string> const &candidates) {
    struct Match {
        std::size_t distance;
        std::string const *text;
    };
    constexpr std::size_t most = 3;
    if (given.empty()) {
        return {};
    }
    std::size_t const limit = std::max<std::size_t>(1, given.size() / 3);
    std::vector<Match> matches;
    for (std::string const &candidate : candidates) {
        std::size_t const slips = edit_distance(given, candidate, limit);
        std::size_t const distance = is_same_but_for_style(given, candidate) ? std::min<std::size_t>(slips, 1) : slips;
        bool const known =
            std::any_of(matches.begin(), matches.end(), [&](Match const &m) { return *m.text == candidate; });
        if (distance > limit || known) {
            continue;
        }
        auto const place = std::upper_bound(matches.begin(), matches.end(), distance,
                                            [](std::size_t d, Match const &m) { return d < m.distance; });
        matches.insert(place, {distance, &candidate});
        if (matches.size() > most) {
            matches.pop_back();
        }
    }
    std::vector<std::string> texts;
    for (Match const &match : matches) {
        texts.push_back(*match.text);
    }
    return texts;
}

}  // namespace relay
