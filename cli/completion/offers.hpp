#pragma once

#include "cli/completion/typed_line.hpp"

#include "relay/completion/records.hpp"

#include <functional>
#include <string>
#include <vector>

namespace relay::cli {

/// A word for the command line and its meaning, neither of them escaped.
struct Offer {
    std::string word{};
    std::string meaning{};
};

/// Returns ids from the database; may return none, must not throw.
using FindIds = std::function<std::vector<Candidate>(CandidateQuery const &query)>;

/// What only the shell can complete.
enum class ShellPart { nothing, files, folders, program };

struct Offers {
    std::vector<Offer> words{};
    ShellPart shell = ShellPart::nothing;
    std::size_t program_words =
        0;  ///< for a program: how many words of its line are before the one that is being typed
};

/// Returns what may follow where `line` is being typed, in order: words that begin with what is typed. For
/// `--flag=value` these are values, for `-fvalue` they begin with `-f`.
Offers offers_for(TypedLine const &line, ProgramModel const &program, FindIds const &find_ids);

}  // namespace relay::cli
