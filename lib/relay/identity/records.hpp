#pragma once

#include "relay/identity/limits.hpp"
#include "relay/identity/states.hpp"
#include "relay/model/ids.hpp"
#include "relay/model/subject.hpp"
#include "relay/model/time.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// The rows that identity reads from the database, as plain structs, without any secret or hash.
namespace relay {

/// An organization's settings. A setting without a value is not changed; a new organization gets the default.
struct OrgSettings {
    std::optional<PlanId> plan{};  ///< default: free
    std::vector<LimitChange> limits{};  ///< default: those of the plan
    std::optional<std::vector<std::string>> providers{};  ///< of what it may hold; empty: any, which is the default
    std::optional<std::chrono::seconds> key_max_age{};  ///< default: 90 days
    bool no_key_max_age = false;  ///< age alone makes no key due
    std::optional<AuthMode> auth_mode{};  ///< default: required
};

struct Org {
    OrgId org_id;
    std::string name{};
    PlanId plan = PlanId::free();
    PlanId plan_in_force = PlanId::free();  ///< another one than `plan` after the end of its subscription
    std::optional<std::int64_t> max_agents{};  ///< set for itself; none: the limit of the plan decides
    std::optional<std::int64_t> agent_limit{};  ///< the limit in force; none: no limit
    std::optional<std::int64_t> agent_limit_for_new{};  ///< the limit for a new agent: also of the plan that comes next
    std::vector<Limit> limits{};  ///< set for itself, in the order of the meters
    std::vector<std::string> providers{};  ///< of what it may hold; empty: any
    std::optional<SubscriptionState> subscription{};  ///< none: it has no subscription
    std::optional<Instant> subscription_ends_at{};
    std::optional<Instant> subscription_said_at{};
    std::int64_t agents = 0;  ///< agents that are not revoked
    std::optional<std::chrono::seconds> key_max_age{};  ///< none: age alone makes no key due
    AuthMode auth_mode = AuthMode::required;
    Status status = Status::active;
    Instant created_at{};
    std::string created_by{};
};

/// A caller without a key.
struct KeylessCaller {
    std::optional<std::string> agent_id{};  ///< the agent id that it claimed; none: it claimed no id
    bool known = false;  ///< the organization has an agent with this id
    std::int64_t calls = 0;
    Instant last_at{};
};

/// Calls without a key in the last 7 days.
struct KeylessCalls {
    std::int64_t callers = 0;
    std::int64_t calls = 0;
    std::vector<KeylessCaller> latest{};  ///< at most 10, latest first
};

struct Agent {
    AgentId agent_id;
    OrgId org_id;
    std::string name{};
    std::vector<std::string> permissions{};
    std::optional<std::chrono::seconds> key_max_age{};  ///< none: the organization's
    std::optional<std::chrono::seconds> effective_key_max_age{};  ///< none: age alone makes no key due
    std::optional<OwnerName> owner{};  ///< whom to write to about it
    std::vector<Label> labels{};  ///< sorted
    std::optional<OwnerUserId> owner_user_id{};  ///< the person on whose behalf it acts
    Status status = Status::active;  ///< its own, or its organization's if that is worse
    Instant created_at{};
    std::string created_by{};
    std::optional<Instant> last_used_at{};
};

/// One way in which an agent, or a role, has a permission.
struct Grant {
    std::string permission{};
    std::optional<std::string> conditions{};  ///< a JSON object; none: without conditions
    std::optional<RoleId> role_id{};  ///< for an agent: the role that grants it; none: a direct grant
};

struct Key {
    KeyId key_id;
    AgentId agent_id;
    OrgId org_id;
    KeyState state = KeyState::active;
    KeyStatus status = KeyStatus::active;
    KeyAlgorithm algorithm = KeyAlgorithm::sha256d;
    bool blocked = false;  ///< gateways refuse it for now: the agent or its organization is blocked
    Instant created_at{};
    std::string created_by{};
    std::int64_t made_order = 0;  ///< of two keys, the one that was made later has the higher number
    std::optional<Instant> due_at{};  ///< of a staged key: when it has settled; none: age alone does not make it due
    std::optional<Instant> expires_at{};
    std::optional<Instant> retired_at{};
    std::optional<Instant> revoked_at{};
    std::optional<KeyId> replaced_by{};
    bool retire_on_first_use = false;
    std::optional<Instant> deliver_until{};  ///< none: it was never staged
    std::optional<Instant> settle_until{};  ///< until then, the store may still take it
    std::optional<Instant> first_used_at{};  ///< of a key that was staged: its first use after deliver_until
    std::optional<Instant> last_used_at{};

    /// Returns true if gateways accept the key, ignoring blocks.
    bool live() const {
        return status == KeyStatus::staged || status == KeyStatus::active || status == KeyStatus::retiring;
    }
};

/// What decides about an agent besides its keys: the ways in which it is accepted without one, if nothing refuses it,
/// and its seat.
struct KeylessWays {
    bool has_seat =
        true;  ///< false: its organization has more agents than its limit allows, and this one is not among them
    std::optional<std::int64_t> seats{};  ///< the limit of agents; none: no limit
    bool shared_secret = false;  ///< it is listed, a window is open, and it has not proven its own key
    bool without_key = false;  ///< its organization accepts calls without a key (auth_mode optional)
};

/// A block or revocation in force.
struct Standing {
    Subject subject;
    StandingKind kind = StandingKind::block;
    Instant at{};
    std::optional<Instant> until{};
    std::optional<std::string> ticket{};
    std::optional<std::string> reason{};
    std::string actor{};
    std::string db_role{};
};

struct Event {
    std::optional<std::int64_t> event_id{};  ///< none: a flood that has not ended yet
    Instant occurred_at{};
    std::optional<OrgId> org_id{};
    std::optional<AgentId> agent_id{};
    std::optional<KeyId> key_id{};
    std::string action{};
    Outcome outcome = Outcome::ok;
    std::optional<std::string> reason{};
    std::optional<std::string> ip_address{};
    std::optional<std::string> actor{};
    std::string db_role{};
    std::optional<std::string> ticket{};
    std::optional<std::string> trace_id{};
    std::optional<std::string> detail{};  ///< a JSON object
    std::int64_t times = 1;  ///< more than 1: a flood, counted in one row
};

}  // namespace relay
