#pragma once

#include "relay/legacy/states.hpp"
#include "relay/model/ids.hpp"
#include "relay/model/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// A fleet on its way off the shared secret, as the database holds it.
namespace relay {

/// How long an agent must not have used the shared secret to count as silent, if nobody says.
inline constexpr std::chrono::seconds usual_legacy_quiet = std::chrono::hours(72);

/// The latest window: when those who are listed may use the shared secret.
struct LegacyWindow {
    std::int64_t migration_id = 0;
    LegacyWindowState state = LegacyWindowState::open;
    Instant opened_at{};
    std::string opened_by{};
    Instant deadline{};
    bool deny_all = false;
    std::optional<Instant> closed_at{};
    std::optional<std::string> closed_by{};

    /// Somebody may still come in with the shared secret.
    bool lets_in() const { return state == LegacyWindowState::open || state == LegacyWindowState::aborted; }
    /// Agents are being moved: neither called off nor done, though it may be past its deadline.
    bool is_moving() const {
        return (state == LegacyWindowState::open || state == LegacyWindowState::expired) && !closed_at;
    }
};

/// How far the fleet is: agents by LegacyAgentState, of which each has exactly one, and by LegacyActivity.
struct LegacyCounts {
    std::int64_t imported = 0;
    std::int64_t listed = 0;
    std::int64_t issued = 0;
    std::int64_t proven = 0;
    std::int64_t revoked = 0;
    std::int64_t on_shared_secret = 0;  ///< of listed and issued
    std::int64_t silent = 0;  ///< of listed and issued
    std::int64_t never_seen = 0;  ///< of listed and issued

    std::int64_t total() const { return imported + listed + issued + proven + revoked; }
    /// Who would be locked out if the window closed now, if it is still there.
    std::int64_t left() const { return listed + issued; }
};

struct LegacyAgent {
    AgentId agent_id;
    OrgId org_id;
    std::optional<std::string> owner{};
    LegacyAgentState state = LegacyAgentState::imported;
    LegacyActivity activity = LegacyActivity::never_seen;
    std::optional<std::int64_t> wave{};
    std::optional<KeyId> issued_key{};
    std::optional<Instant> issued_at{};
    std::optional<Instant> last_seen_at{};  ///< with the shared secret
    std::optional<std::string> last_seen_from{};
};

/// The key of its own that an agent got since it was imported; not the secret.
struct IssuedLegacyKey {
    AgentId agent_id;
    OrgId org_id;
    std::optional<std::string> owner{};
    std::optional<std::int64_t> wave{};
    KeyId key_id;
    Instant issued_at{};
};

/// Whom to call: the owner of agents that are not off the list; where nobody is named, their organization.
struct LegacyOwner {
    std::optional<std::string> owner{};
    std::optional<OrgId> org_id{};  ///< of agents without an owner
    std::int64_t left = 0;
    std::int64_t listed = 0;  ///< of left: no key of their own yet
    std::int64_t on_shared_secret = 0;
    std::int64_t silent = 0;
    std::int64_t never_seen = 0;
    std::optional<Instant> last_seen_at{};
};

/// How the list stood at one time.
struct BurnDownPoint {
    Instant at{};
    std::int64_t total = 0;  ///< ever listed, or given a key of their own, until then
    std::int64_t left = 0;  ///< of these, neither off the list nor revoked then
};
using BurnDown = std::vector<BurnDownPoint>;

/// How many points a burn-down has at most: two and one for each step.
inline constexpr std::int64_t most_burn_down_steps = 180;

/// The times of a burn-down from `from` to `to`: both, and what lies between them on whole steps of the clock (UTC), from a minute up to days,
/// the shortest of which at most most_burn_down_steps reach from `from` to `horizon`. So the steps stay as they are from one day to the next.
std::vector<Instant> burn_down_times(Instant from, Instant to, Instant horizon);

/// Where an even pace begins: the last point at which agents were added. Nothing for an empty burn-down.
std::optional<BurnDownPoint> last_addition(BurnDown const &burn_down);

/// How many would be left at `at` if agents left at an even pace from `from` on, the last one at `deadline`. Rounded up; 0 from the deadline on.
std::int64_t even_pace(BurnDownPoint const &from, Instant deadline, Instant at);

/// How fast agents have left the list by using a key of their own.
struct LegacyPace {
    Instant since{};  ///< a week ago, or when the window was opened if that is later
    std::int64_t proven = 0;  ///< how many did since then

    /// When the last of `left` will have left at this pace; none: nobody left, or it would take more than ten years. What less than an hour
    /// has shown counts as an hour's.
    std::optional<Instant> end(std::int64_t left, Instant now) const;
};

}  // namespace relay
