#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace relay::cli {

/// The folder of agents that have no owner: no owner's folder begins with `_`.
constexpr std::string_view folder_without_owner = "_no-owner";

/// The name of an owner's folder: safe in any file system, and two owners never have the same, also where capitals do not count.
///
/// An owner of at most 80 small letters, digits and . _ @ + -, which begins and ends with a letter or a digit, is the name itself. Of any other
/// these letters are kept (capitals made small, what stands between made one -), and `~` and 80 bits of a hash of its bytes follow.
std::string folder_of_owner(std::optional<std::string> const &owner);

}  // namespace relay::cli
