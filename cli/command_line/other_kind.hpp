#pragma once

#include "cli/command_line/prescan.hpp"
#include "relay/inspect/recognize.hpp"
#include "relay/model/error.hpp"

#include <vector>

namespace relay::cli {

/// Returns the line about the word alone: without the other ids of its kind, and without the file that it may be from.
Line about_only(Line line, Sought const &sought);

/// Returns the error for an id that is the id of something else, or a name: what it is, and the command of the same kind
/// for it, with the flags that were given. `typed` is the command line; `takes_org`: the command has AGENT and --org.
/// Never a command that changes more than was named, and none that is confirmed already. Returns `error` itself if
/// nothing of `found` helps.
Error with_other_kind(Error const &error, Line const &typed, bool takes_org, std::vector<Recognized> const &found);

}  // namespace relay::cli
