#pragma once

#include "cli/sandbox/binaries.hpp"
#include "cli/sandbox/layout.hpp"

#include <optional>

namespace relay::cli::sandbox {

/// The name of the sandbox's database and of its superuser.
inline constexpr auto database_name = "relay";

/// Returns the major version of the cluster on disk; none if there is no cluster, or only a partly made one.
std::optional<int> cluster_major(Layout const &layout);

/// Creates the cluster with its database. It is made beside its final place, flushed, then renamed, so an unfinished
/// one is never taken for complete; the rest of an unfinished one is removed first. `lock` is a descriptor that stays
/// locked while initdb lives, even if we are killed. Throws Error (unavailable) with the last lines that initdb
/// printed.
void make_cluster(Layout const &layout, Binaries const &binaries, int lock);

}  // namespace relay::cli::sandbox
