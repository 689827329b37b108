#pragma once

#include "cli/sandbox/binaries.hpp"
#include "cli/sandbox/layout.hpp"

#include <optional>

namespace relay::cli::sandbox {

/// The name of the sandbox's database and of its superuser.
inline constexpr auto database_name = "relay";

/// The major version of the cluster on disk; nothing if there is none, or only a half-made one.
std::optional<int> cluster_major(Layout const &layout);

/// Makes the cluster with its database: beside its place, flushed, then renamed, so that one that was begun and not
/// finished is never taken for whole; what is left of such a one is removed first. `lock` is a descriptor that must
/// stay locked while initdb lives, even if we are killed. Throws Error: unavailable, with the last lines that initdb
/// printed.
void make_cluster(Layout const &layout, Binaries const &binaries, int lock);

}  // namespace relay::cli::sandbox
