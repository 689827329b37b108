#pragma once

#include "relay/db/database.hpp"
#include "relay/feed/records.hpp"
#include "relay/identity/records.hpp"

#include <functional>

namespace relay {

struct FollowChanges {
    std::optional<std::string> since{};  ///< a cursor; none: from now on
    bool until_idle = false;  ///< end when there are no more changes
};

struct ChangeFollower {
    std::function<bool(KeyChange const &)> on_change{};  ///< returns false to stop following
    std::function<void(std::string const &cursor)> on_start{};  ///< called before the first change, with the cursor
    std::function<void(Error const &)> on_loss{};  ///< the connection is lost; it will be made again
    std::function<void()> on_return{};  ///< the connection was made again; no change was missed
};

/// Passes each change of the feed to `follower`, at least once and in the feed's order, until the follower stops it
/// or, with `until_idle`, no change is left.
///
/// NOTIFY wakes it, and it also polls every few seconds: through a pooler and on a standby, only polling works. If
/// the connection is lost after the database was reached once, it retries for as long as it takes and continues from
/// its cursor. Throws Error: usage, a malformed cursor; unavailable, the database was never reached; denied.
void follow_changes(db::Database &database, FollowChanges const &request, ChangeFollower const &follower);

}  // namespace relay
