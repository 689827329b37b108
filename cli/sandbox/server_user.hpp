#pragma once

#include <sys/stat.h>
#include <sys/types.h>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace relay::cli::sandbox {

/// The user that the server runs as. PostgreSQL refuses to run as root, so root uses an account without privileges.
struct ServerUser {
    std::string name;
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups{};
    bool drop = false;  ///< we are root and must become this user first
};

/// Returns ourselves; for root, `postgres` or else `nobody`. Throws Error (unavailable) if root finds neither account.
ServerUser server_user();

/// Makes the calling process, just forked, become `user` irrevocably. Async-signal-safe. On failure returns false, with
/// errno.
bool become(ServerUser const &user) noexcept;

/// What keeps a user from following a path.
struct Obstacle {
    std::string folder{};
    std::string why{};  ///< " is not a folder"; unused if is_closed
    bool is_closed = false;  ///< the user may not pass through the folder

    /// Returns the obstacle as a sentence about `user`.
    std::string text(ServerUser const &user) const;
};

/// Returns the first folder of the absolute `path` that `user` cannot pass through. For the user that root becomes,
/// owner, group and mode decide; access lists are ignored. A folder that does not exist yet is not an obstacle.
std::optional<Obstacle> find_obstacle(ServerUser const &user, std::string const &path);

/// Returns whether `user` can follow the absolute `path`.
bool can_traverse(ServerUser const &user, std::string const &path);

/// Runs `body` in a child process as `user`. Returns what it returned (0 to 125), or 126 if the child could not do so.
/// For work in folders of the server's user, where root must not follow links that this user made.
int run_as(ServerUser const &user, std::function<int()> const &body);

}  // namespace relay::cli::sandbox
