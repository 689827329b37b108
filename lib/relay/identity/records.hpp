#pragma once

#include "relay/identity/states.hpp"
#include "relay/model/ids.hpp"
#include "relay/model/subject.hpp"
#include "relay/model/time.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What the database holds, as it is read: plain, and without any secret or hash.
namespace relay {

/// What an organization's owner chooses. None: as it is, or for a new one the default.
struct OrgSettings {
    std::optional<Plan> plan{};  ///< free
    std::optional<std::int64_t> max_agents{};  ///< what the plan allows
    std::optional<std::chrono::seconds> key_max_age{};  ///< 90 days
    std::optional<AuthMode> auth_mode{};  ///< required
};

struct Org {
    OrgId org_id;
    std::string name{};
    Plan plan = Plan::free;
    std::optional<std::int64_t> max_agents{};  ///< none: what the plan allows
    std::optional<std::int64_t> agent_limit{};  ///< what holds; none: no limit
    std::int64_t agents = 0;  ///< that are not revoked
    std::chrono::seconds key_max_age{};
    AuthMode auth_mode = AuthMode::required;
    Status status = Status::active;
    Instant created_at{};
    std::string created_by{};
};

/// Somebody who has called without a key.
struct KeylessCaller {
    std::optional<std::string> agent_id{};  ///< as it was claimed; none: not even that
    bool known = false;  ///< it is an agent of the organization
    std::int64_t calls = 0;
    Instant last_at{};
};

/// The calls without a key of the last 7 days.
struct KeylessCalls {
    std::int64_t callers = 0;
    std::int64_t calls = 0;
    std::vector<KeylessCaller> latest{};  ///< at most 10, the latest first
};

struct Agent {
    AgentId agent_id;
    OrgId org_id;
    std::string name{};
    std::vector<std::string> permissions{};
    std::optional<std::chrono::seconds> key_max_age{};  ///< none: the organization's
    std::chrono::seconds effective_key_max_age{};
    Status status = Status::active;  ///< by itself or with its organization
    Instant created_at{};
    std::string created_by{};
    std::optional<Instant> last_used_at{};
};

/// One way in which an agent, or a role, has a permission.
struct Grant {
    std::string permission{};
    std::optional<std::string> conditions{};  ///< a JSON object; none: it holds without any
    std::optional<RoleId> role_id{};  ///< of an agent: the role that it comes from; none: its own
};

struct Key {
    KeyId key_id;
    AgentId agent_id;
    OrgId org_id;
    KeyState state = KeyState::active;
    KeyStatus status = KeyStatus::active;
    bool blocked = false;  ///< refused for now: the agent or its organization is blocked
    Instant created_at{};
    std::string created_by{};
    Instant due_at{};
    std::optional<Instant> expires_at{};
    std::optional<Instant> retired_at{};
    std::optional<Instant> revoked_at{};
    std::optional<KeyId> replaced_by{};
    bool retire_on_first_use = false;
    std::optional<Instant> last_used_at{};

    /// Accepted by a gateway, blocks apart.
    bool live() const { return status == KeyStatus::active || status == KeyStatus::retiring; }
};

/// A block or revocation that stands.
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
    std::optional<std::int64_t> event_id{};  ///< none: a flood that still goes on
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
    std::int64_t times = 1;  ///< more: a flood that is counted in one row
};

}  // namespace relay
