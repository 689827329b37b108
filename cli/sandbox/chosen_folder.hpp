#pragma once

#include "relay/model/error.hpp"

#include <optional>
#include <string>

/// Folders that a person chooses by a variable. The rule for all of them: a folder that was asked for is used or
/// refused, with the reason, and never exchanged for another one. Whoever chooses a place looks for his data there.
namespace relay::cli::sandbox {

/// The folder that the variable `name` asks for, in its shortest spelling ("/a//b/../c/" and "/a/c" must be one
/// sandbox with one lock; "/" is ""). Nothing if the variable is unset or empty. `what` is what would be in there.
/// Throws Error: usage, the path is relative.
std::optional<std::string> absolute_folder(char const *name, std::string const &what = "the sandbox");

/// The Error (usage) for a folder that cannot be used. `why` is the reason, `next` what makes it right.
Error refused_folder(char const *name, std::string const &what, std::string why, std::string next);

}  // namespace relay::cli::sandbox
