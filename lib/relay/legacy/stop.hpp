#pragma once

#include "relay/legacy/window.hpp"

/// The emergency stop of the shared secret.
namespace relay {

struct StoppedLegacy : ChangedWindow {
    /// Set if the shared secret is closed, but no auth_events row could be written (a lock on the audit log): why.
    std::optional<std::string> trail_missing{};
    /// Set if the shared secret is closed, but the agents could not be counted: why. The counts are then zero.
    std::optional<std::string> counts_missing{};
};

/// Makes gateways refuse the shared secret immediately, for all agents, also in a window that was aborted before or
/// that another session is opening right now. Like a block, it is one insert that waits for no lock and no standby;
/// it counts the agents after the commit. A window that is closed already is not changed.
StoppedLegacy stop_legacy(db::Database &database, WriteOptions const &options);

}  // namespace relay
