#pragma once

#include <optional>
#include <string>

/// What can be known beforehand about a rename: rename(2) fails for reasons that opening and writing do not show.
namespace relay::cli {

/// Why a name cannot be given to another file, and what to do.
struct Obstacle {
    std::string fault;  ///< "is a mount point"
    std::string why;
    std::string next;
};

/// Returns why rename(2) could not put a new file in the place of `name` in the folder: `name` is a mount point, or is
/// immutable or append-only (chattr(1)). Nothing if no reason is known, or `name` does not exist.
std::optional<Obstacle> why_not_replaceable(int folder, std::string const &name);

/// Returns why files in the folder could be made, but not renamed or removed: the folder is append-only.
std::optional<Obstacle> why_not_renamable(int folder);

}  // namespace relay::cli
