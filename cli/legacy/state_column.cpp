#include "cli/legacy/state_column.hpp"

#include "cli/input/yes_no.hpp"
#include "cli/legacy/legacy_rows.hpp"
#include "cli/legacy/revoked_value.hpp"
#include "relay/model/column_names.hpp"
#include "relay/model/error.hpp"

#include <algorithm>
#include <array>

namespace relay::cli {

namespace {

using std::string_view_literals::operator""sv;

template <std::size_t Size>
bool has(std::array<std::string_view, Size> const &names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

constexpr std::array names_of_use{"enabled"sv, "enable"sv, "active"sv, "valid"sv, "live"sv};
constexpr std::array names_of_ended{"disabled"sv, "deleted"sv,  "archived"sv,    "blocked"sv, "suspended"sv,
                                    "banned"sv,   "inactive"sv, "deactivated"sv, "revoked"sv, "revocation"sv,
                                    "locked"sv,   "removed"sv,  "terminated"sv,  "retired"sv, "cancelled"sv,
                                    "canceled"sv, "expired"sv,  "frozen"sv,      "paused"sv,  "invalidated"sv};
constexpr std::array names_of_end{"expires"sv,  "expire"sv,  "expiry"sv,       "expiration"sv,
                                  "notafter"sv, "validto"sv, "validuntil"sv,   "activeuntil"sv,
                                  "end"sv,      "enddate"sv, "disabledafter"sv};
constexpr std::array names_of_state{"status"sv, "state"sv};
/// Words of a state that mean in use. Any other word may mean the opposite.
constexpr std::array good_words{"active"sv, "activated"sv, "enabled"sv, "live"sv,  "valid"sv,
                                "ok"sv,     "normal"sv,    "current"sv, "inuse"sv, "approved"sv};

enum class Kind { none, in_use, ended, ends_at, words };

Kind kind_of_word(std::string_view word) {
    return has(names_of_use, word)     ? Kind::in_use
           : has(names_of_ended, word) ? Kind::ended
           : has(names_of_end, word)   ? Kind::ends_at
           : has(names_of_state, word) ? Kind::words
                                       : Kind::none;
}

/// Recognizes `is_active`, `key_status`, `deletedAt` and `deleted_at_m`, too.
Kind kind_of(std::string_view name) {
    constexpr std::array begins{"is"sv, "key"sv, "apikey"sv, "agent"sv, "token"sv, "account"sv, "client"sv};
    constexpr std::array ends{"at"sv, "atm"sv, "on"sv, "date"sv, "time"sv, "ts"sv, "unix"sv, "flag"sv};
    std::string const folded = folded_name(name);
    std::string_view word = folded;
    Kind kind = kind_of_word(word);
    for (std::string_view const begin : begins) {
        if (kind == Kind::none && word.starts_with(begin)) {
            word.remove_prefix(begin.size());
            kind = kind_of_word(word);
        }
    }
    for (std::string_view const end : ends) {
        if (kind == Kind::none && word.ends_with(end)) {
            kind = kind_of_word(word.substr(0, word.size() - end.size()));
        }
    }
    return kind;
}

std::optional<LegacyState> read_time_or_yes(std::string const &name, std::string const &text, bool may_come) {
    LegacyState state{.column = name, .text = text};
    try {
        RevokedValue const value = read_revoked(name, text, {});
        if (!value.revoked) {
            return std::nullopt;
        }
        state.says = value.at && may_come ? LegacyState::Says::ends_at : LegacyState::Says::ended;
        state.at = value.at;
    } catch (Error const &) {
        state.says = LegacyState::Says::unknown;
    }
    return state;
}

}  // namespace

bool is_state_column(std::string_view name) {
    return kind_of(name) != Kind::none && !has_column(legacy_columns(), name);
}

std::optional<LegacyState> read_state(std::string const &name, std::string const &text) {
    Kind const kind = kind_of(name);
    if (kind == Kind::ended || kind == Kind::ends_at) {
        return read_time_or_yes(name, text, kind == Kind::ends_at);
    }
    auto const said = kind == Kind::in_use ? read_yes_no(text) : std::nullopt;
    if (said.value_or(kind == Kind::words && has(good_words, folded_name(text)))) {
        return std::nullopt;
    }
    return LegacyState{
        .column = name, .text = text, .says = said ? LegacyState::Says::ended : LegacyState::Says::unknown};
}

}  // namespace relay::cli
