#pragma once

#include <sys/stat.h>
#include <sys/types.h>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace relay::cli::sandbox {

/// Who the server runs as. PostgreSQL refuses to run as root, so root hands it to an account without rights.
struct ServerUser {
    std::string name;
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups{};
    bool drop = false;  ///< we are root and must become this user first
};

/// Ourselves; for root `postgres`, else `nobody`. Throws Error: unavailable, root has neither account.
ServerUser server_user();

/// Async-signal-safe: the calling process, freshly forked, becomes `user` for good. False, with errno, if it cannot.
bool become(ServerUser const &user) noexcept;

/// What is in the way of a user on a path.
struct Obstacle {
    std::string folder{};
    std::string why{};  ///< " is not a folder", if it is not closed
    bool is_closed = false;  ///< the user may not pass through it

    /// As a sentence about `user`.
    std::string text(ServerUser const &user) const;
};

/// The first folder of the absolute `path` that `user` cannot pass through. For the user that root becomes, owner,
/// group and mode decide, and access lists are not read. What does not exist yet is not in the way.
std::optional<Obstacle> find_obstacle(ServerUser const &user, std::string const &path);

/// True if nothing is in the way of `user` on the absolute `path`.
bool can_traverse(ServerUser const &user, std::string const &path);

/// Runs `body` in a child process as `user` and returns what it returned (0 to 125), or 126 if the child could not do
/// so: for work in folders that belong to the server's user, where root must not follow links that this user has
/// made.
int run_as(ServerUser const &user, std::function<int()> const &body);

}  // namespace relay::cli::sandbox
