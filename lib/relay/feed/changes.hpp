#pragma once

#include "relay/db/database.hpp"
#include "relay/feed/records.hpp"
#include "relay/identity/records.hpp"

#include <functional>

namespace relay {

struct FollowChanges {
    std::optional<std::string> since{};  ///< a cursor; none: from now on
    bool until_idle = false;  ///< end when there is nothing more to tell
};

struct ChangeFollower {
    std::function<bool(KeyChange const &)> on_change{};  ///< false: enough
    std::function<void(std::string const &cursor)> on_start{};  ///< from where, before the first change
    std::function<void(Error const &)> on_loss{};  ///< the connection is lost, and will be made again
    std::function<void()> on_return{};  ///< it was made again; nothing was missed
};

/// Tells each change of the feed at least once, in its order: woken by NOTIFY, and by looking every few seconds, which alone works through a
/// pooler and on a standby. Survives the loss of the database once it was reached: it tries again for as long as it takes, and goes on
/// from its cursor.
///
/// Returns when the follower has enough, or `until_idle`. Throws Error: usage, a malformed cursor; unavailable, it was never reached; denied.
void follow_changes(db::Database &database, FollowChanges const &request, ChangeFollower const &follower);

}  // namespace relay
