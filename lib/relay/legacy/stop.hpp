#pragma once

#include "relay/legacy/window.hpp"

/// The emergency stop of the shared secret.
namespace relay {

struct StoppedLegacy : ChangedWindow {
    /// Why no auth_events row could be written: somebody holds a lock on the audit log. The shared secret is closed.
    std::optional<std::string> trail_missing{};
    /// Why the agents could not be counted: the counts are zero then. The shared secret is closed.
    std::optional<std::string> counts_missing{};
};

/// Closes the shared secret to everybody at once, also in a window that was aborted before, and in one that somebody is opening right now. As a
/// block: one insert, waits for no lock and no standby, and counts after the commit. What is closed already stays as it is.
StoppedLegacy stop_legacy(db::Database &database, WriteOptions const &options);

}  // namespace relay
