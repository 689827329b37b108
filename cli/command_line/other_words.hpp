#pragma once

#include "cli/command_line/command_tree.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace relay::cli {

/// A command for the words that other programs have for it.
struct OtherWords {
    std::string path{};  ///< "revoke"
    std::string why{};  ///< "agents are not deleted: ..."; may be empty
    std::vector<std::string> next{};  ///< the command, with the id that was typed, or its --help
};

/// Returns the command for words such as `agent delete bot`, `delete agent bot`, `ls` or `org disable acme`. `words` are
/// those of the command line up to its first flag, of which the first one or two name no command. None: not known.
std::optional<OtherWords> find_other_words(std::span<Command const *const> table, Path const &words);

}  // namespace relay::cli
