#pragma once

#include "relay/model/time.hpp"

#include <cstdint>
#include <optional>
#include <string>

/// A fleet on its way off the shared secret, as the database holds it.
namespace relay {

/// The latest window: when those who are listed may use the shared secret.
struct LegacyWindow {
    std::int64_t migration_id = 0;
    /// What a gateway meets: "open", "expired" (past its deadline), "aborted" (nobody is moved, who is listed goes on until the deadline),
    /// "finished", "denied" (the emergency stop).
    std::string state{};
    Instant opened_at{};
    std::string opened_by{};
    Instant deadline{};
    bool deny_all = false;
    std::optional<Instant> closed_at{};
    std::optional<std::string> closed_by{};

    /// Somebody may still come in with the shared secret.
    bool lets_in() const { return state == "open" || state == "aborted"; }
};

/// How far the fleet is. Each imported agent is in exactly one of the first five.
struct LegacyCounts {
    std::int64_t imported = 0;  ///< on no list yet
    std::int64_t listed = 0;  ///< may use the shared secret, and has no key of its own
    std::int64_t issued = 0;  ///< has a key of its own, and has not used it
    std::int64_t proven = 0;  ///< has used its own key: off the list for good
    std::int64_t revoked = 0;
    std::int64_t on_shared_secret = 0;  ///< of listed and issued: used the shared secret in the quiet time
    std::int64_t silent = 0;  ///< of listed and issued: used it, but not in the quiet time
    std::int64_t never_seen = 0;  ///< of listed and issued
    std::int64_t proven_last_week = 0;

    std::int64_t total() const { return imported + listed + issued + proven + revoked; }
    /// Who would be locked out if the window closed now, if it is still there.
    std::int64_t left() const { return listed + issued; }
};

struct LegacyAgent {
    std::string agent_id{};
    std::string org_id{};
    std::optional<std::string> owner{};
    std::string state{};  ///< "imported", "listed", "issued", "proven", "revoked"
    std::optional<std::int64_t> wave{};
    std::optional<std::string> issued_key{};
    std::optional<Instant> issued_at{};
    std::optional<Instant> last_seen_at{};  ///< with the shared secret
    std::optional<std::string> last_seen_from{};
};

}  // namespace relay
