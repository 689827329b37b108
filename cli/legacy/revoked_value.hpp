#pragma once

#include "relay/model/time.hpp"

#include <optional>
#include <string>
#include <vector>

/// What a row of another program says about whether an agent is revoked. A revocation is permanent, so only a clear yes
/// or a clear time is one; any other word is an error, not a guess.
namespace relay::cli {

struct RevokedValue {
    bool revoked = false;
    std::optional<Instant> at{};  ///< if the row has a time: it is revoked if that time has passed
};

/// Reads a yes or no; a time (RFC 3339, with or without a zone, a date, or seconds, milli- or microseconds since 1970);
/// or what programs write for "never": infinity, null, and the zero times of Go (year 1), MySQL (0000-00-00) and
/// Unix (1970-01-01). A time without a zone is UTC. If `words` is not empty, exactly those mean revoked. Throws Error
/// (usage) for anything else, and for a date such as 01/02/2024, which can be two.
RevokedValue read_revoked(std::string const &column, std::string const &text, std::vector<std::string> const &words);

/// The words after the colon in `--map revoked=status:SUSPENDED,DELETED`. Commas have split the list before: takes the
/// words out of `pairs`, and leaves `revoked=status`. Throws Error (usage) if a word is missing, or if the column's
/// name says the opposite of revoked (`enabled`) and there are no words.
std::vector<std::string> take_revoked_words(std::vector<std::string> &pairs);

}  // namespace relay::cli
