#pragma once

#include "relay/identity/reported_uses.hpp"
#include "relay/legacy/states.hpp"
#include "relay/model/ids.hpp"
#include "relay/model/time.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// The rows of a fleet that is moving from a shared secret to its own keys, as plain structs.
namespace relay {

/// Default for how long an agent must not have used the shared secret to count as silent.
inline constexpr std::chrono::seconds usual_legacy_quiet = std::chrono::hours(72);

/// The latest window: the time in which listed agents may use the shared secret.
struct LegacyWindow {
    std::int64_t migration_id = 0;
    LegacyWindowState state = LegacyWindowState::open;
    Instant opened_at{};
    std::string opened_by{};
    Instant deadline{};
    bool deny_all = false;
    std::optional<Instant> closed_at{};
    std::optional<std::string> closed_by{};

    /// Returns true if gateways still accept the shared secret for listed agents.
    bool lets_in() const { return state == LegacyWindowState::open || state == LegacyWindowState::aborted; }
    /// Returns true while agents are being moved: neither called off nor finished, but possibly past the deadline.
    bool is_moving() const {
        return (state == LegacyWindowState::open || state == LegacyWindowState::expired) && !closed_at;
    }
};

/// How many agents are in each LegacyAgentState (each agent is in exactly one) and LegacyActivity.
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
    /// Returns how many agents have not used their own key: if the window closed now, those that still run would
    /// fail.
    std::int64_t left() const { return listed + issued; }
};

/// What silence can prove: whether a gateway listened, and since when.
struct LegacyWatch {
    bool asked = false;  ///< a gateway has asked this database since the window was opened, whatever the answer
    std::optional<Instant>
        listed_at{};  ///< when the last wave with agents that are left was opened; none: no agents are left

    /// From when on a silence of `quiet` proves something of all that are left in this window.
    Instant proves_from(LegacyWindow const &window, std::chrono::seconds quiet) const {
        return std::max(window.opened_at, listed_at.value_or(window.opened_at)) + silence_to_prove(quiet);
    }
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

/// The key that an agent got since it was imported, without the secret.
struct IssuedLegacyKey {
    AgentId agent_id;
    OrgId org_id;
    std::optional<std::string> owner{};
    std::optional<std::int64_t> wave{};
    KeyId key_id;
    Instant issued_at{};
};

/// Whom to call: the owner of agents that are still on the list, or their organization if no owner is known.
struct LegacyOwner {
    std::optional<std::string> owner{};
    std::optional<OrgId> org_id{};  ///< for agents without an owner
    std::int64_t left = 0;
    std::int64_t listed = 0;  ///< of left: agents without a key
    std::int64_t on_shared_secret = 0;
    std::int64_t silent = 0;
    std::int64_t never_seen = 0;
    std::optional<Instant> last_seen_at{};
};

/// The size of the list at one time.
struct BurnDownPoint {
    Instant at{};
    std::int64_t total = 0;  ///< agents that were listed, or got their own key, until then
    std::int64_t left = 0;  ///< of these, agents that had not left the list and were not revoked
};
using BurnDown = std::vector<BurnDownPoint>;

/// The most steps that a burn-down may have; it has at most two points more.
inline constexpr std::int64_t most_burn_down_steps = 180;

/// Returns the times of a burn-down: `from`, `to`, and the whole steps of the clock (UTC) between them. A step is the
/// shortest, from a minute up to days, of which at most most_burn_down_steps are needed from `from` to `horizon`. So
/// the steps stay the same from one day to the next.
std::vector<Instant> burn_down_times(Instant from, Instant to, Instant horizon);

/// Returns where an even pace begins: the last point at which agents were added. Nothing for an empty burn-down.
std::optional<BurnDownPoint> last_addition(BurnDown const &burn_down);

/// Returns how many agents would be left at `at` if they left at an even pace from `from`, the last one at
/// `deadline`. Rounded up; 0 from the deadline on.
std::int64_t even_pace(BurnDownPoint const &from, Instant deadline, Instant at);

/// How fast agents leave the list by using their own key.
struct LegacyPace {
    Instant since{};  ///< a week ago, or when the window was opened if that is later
    std::int64_t proven = 0;  ///< how many agents have left since then

    /// Returns when the last of `left` will have left at this pace. None: no agent is left or none has left since, or
    /// it would take more than ten years. A time shorter than an hour counts as an hour.
    std::optional<Instant> end(std::int64_t left, Instant now) const;
};

}  // namespace relay
