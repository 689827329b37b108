#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace relay::cli {

/// The parts of a command's `doc` (see Command), for help and manual pages.
struct ManualText {
    struct Example {
        std::string comment{};  ///< without `# `; may be empty
        std::string command;  ///< "relay-admin org list"
    };
    struct Block {
        std::string text;
        bool verbatim = false;  ///< indented lines, kept as they are, each with its newline
    };
    /// From the paragraph `Exit 0: done. 3: no such agent. ...`, which begins with "Exit 0:" and is not in `blocks`.
    struct Exit {
        std::string code;
        std::string meaning;  ///< without a full stop
    };
    std::vector<Block> blocks{};
    std::vector<Exit> exits{};
    std::vector<Example> examples{};
};

ManualText split_manual_text(std::string_view doc);

}  // namespace relay::cli
