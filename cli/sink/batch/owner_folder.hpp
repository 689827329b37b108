#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace relay::cli {

/// The folder for agents that have no owner. No owner's folder begins with `_`.
constexpr std::string_view folder_without_owner = "_no-owner";

/// Returns the name of an owner's folder. It is safe in any file system, and different for different owners, even where
/// case does not count.
///
/// An owner of at most 80 small letters, digits and . _ @ + -, which begins and ends with a letter or a digit, is the
/// name itself. For any other owner, these characters are kept (capitals become small letters, a run of other
/// characters becomes one -), followed by `~` and 80 bits of a hash of the owner.
std::string folder_of_owner(std::optional<std::string> const &owner);

}  // namespace relay::cli
