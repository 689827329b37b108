#include "relay/scan/skip.hpp"

#include "relay/scan/characters.hpp"
#include "relay/scan/dump.hpp"
#include "relay/scan/runs.hpp"
#include "relay/scan/unescape.hpp"

namespace relay::scan {
namespace {

/// What a byte needs: to be counted as a part of a run; a look at what follows it.
enum : unsigned char { in_run = 1, special = 2 };

constexpr bool is_special(char c) {
    return c == '\0' || c == 'r' || c == '\r' || c == '\n' || c == '"' || Unescape::is_introducer(c);
}

constexpr Table<unsigned char> classes([](char c) {
    return (base64_value(c) >= 0 ? in_run : 0) | (is_special(c) ? special : 0);
});

/// Returns whether a key may begin with the `r` at the start of `text`.
bool may_begin_key(std::string_view text) {
    bool const beside = text.size() > 1 && is_key_character(text[1]);
    if (beside ? text[1] != 'e' : text.size() > 1 && is_special(text[1])) {
        return !beside;
    }
    return text.size() < 3 || !is_key_character(text[2]) || text[2] == (beside ? 'l' : 'e');
}

/// Returns whether the first byte of `text`, a special one, may begin something.
bool matters(std::string_view text) {
    if (text.size() == 1) {
        return true;
    }
    char const next = text[1];
    switch (text.front()) {
        case '\0': return next != '\0';  // of many NULs, only the last one matters
        case 'r': return may_begin_key(text);
        case '\r': return next == 'e' || Dump::may_begin_line(next) || next == '\n';
        case '"': return Dump::may_begin_string(next) || is_special(next);
        case '\n': return Dump::may_begin_line(next);
        // What is not an escape now may be one when the next level has decoded what follows.
        default: return may_begin_escape(text.front(), next) || is_special(next);
    }
}

}  // namespace

std::size_t skip(std::string_view text) {
    std::size_t run = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        unsigned char const kind = classes[text[at]];
        std::size_t const before = run;
        run = (kind & in_run) != 0 ? run + 1 : 0;
        if (run == Runs::shortest) {
            return at + 1 - run;
        }
        bool const joins = before > 0 && text[at] == '\0';  // a run continues over NULs, which are dropped
        if (joins || ((kind & special) != 0 && matters(text.substr(at)))) {
            return at - before;
        }
    }
    return text.size() - run;
}

}  // namespace relay::scan
