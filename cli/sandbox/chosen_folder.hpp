#pragma once

#include "relay/model/error.hpp"

#include <optional>
#include <string>

/// Folders that the user chooses with a variable. One rule for all of them: the folder is used or refused, with the
/// reason, and never replaced by another one. A user who chooses a place looks for the data there.
namespace relay::cli::sandbox {

/// Returns the folder that the variable `name` gives, in its shortest spelling ("/a//b/../c/" and "/a/c" must be one
/// sandbox with one lock; "/" becomes ""). None if the variable is unset or empty. `what` is what would be in the
/// folder. Throws Error (usage) if the path is relative.
std::optional<std::string> absolute_folder(char const *name, std::string const &what = "the sandbox");

/// Returns the Error (usage) for a folder that cannot be used. `why` is the reason, `next` what to do about it.
Error refused_folder(char const *name, std::string const &what, std::string why, std::string next);

}  // namespace relay::cli::sandbox
