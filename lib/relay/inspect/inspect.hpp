#pragma once

#include "relay/crypto/api_key.hpp"
#include "relay/db/database.hpp"
#include "relay/identity/authentications.hpp"
#include "relay/identity/records.hpp"
#include "relay/identity/which_agents.hpp"
#include "relay/model/ip_range.hpp"
#include "relay/model/page.hpp"
#include "relay/registry/records.hpp"

#include <functional>

namespace relay {

struct ListOrgs {
    std::optional<std::string> match{};  ///< a glob over the id: `*` and `?`
    bool blocked_only = false;
    PageRequest page{};
};
/// Returns the fields that `page.sort` can name; likewise below.
std::vector<std::string> org_sort_fields();
ListEnd list_orgs(db::Database &database, ListOrgs const &request, EachItem<Org> const &each);

struct OrgDetails {
    Org org;
    std::vector<Standing> standing{};
    std::optional<KeyId> token_id{};  ///< its live admin token's id
    std::optional<Instant> token_created_at{};
    KeylessCalls keyless{};
    Instant at{};
    std::string db_role{};
};
/// Returns everything about an organization. Throws Error: not_found, with similar ids.
OrgDetails show_org(db::Database &database, OrgId const &org);

struct ListAgents {
    std::optional<OrgId> org{};
    std::optional<Status> status{};
    bool surplus = false;  ///< only agents without a seat
    std::optional<std::chrono::seconds> key_due{};  ///< only agents whose active key is due within this, or overdue
    std::optional<std::chrono::seconds> unused_for{};  ///< only agents not seen for this long (if never: created)
    std::optional<std::chrono::seconds> bearer_since{};  ///< only agents that called without a signature since
    std::optional<RoleId> role{};  ///< only agents with this role of `org`
    WhichAgents which{};
    PageRequest page{};
};
std::vector<std::string> agent_sort_fields();
/// Throws Error: not_found, no such organization or role.
ListEnd list_agents(db::Database &database, ListAgents const &request, EachItem<Agent> const &each);

struct AgentDetails {
    Agent agent;
    std::vector<Key> keys{};  ///< newest first
    std::vector<Standing> standing{};  ///< of the agent and of its organization
    std::vector<Event> events{};  ///< newest first
    std::vector<Event> changes{};  ///< those that are not mere uses
    std::vector<Authentications> authentications{};  ///< the latest first
    std::optional<std::string> last_address{};  ///< the address that it last called from
    std::vector<Grant> grants{};  ///< everything that it may do, directly and through roles
    std::vector<RoleId> roles{};
    KeylessWays keyless{};
    std::int64_t devices = 0;  ///< neither revoked nor expired; only of show_agent
    std::optional<RegistryEntry> registry{};  ///< none: it has never registered; only of show_agent
    Instant at{};
    std::string db_role{};
};
/// Returns everything about an agent, with its last `events`. Throws Error: not_found, with similar ids.
AgentDetails show_agent(db::Database &database, AgentId const &agent, int events);

/// Returns the organization of an agent; none if no agent has this id, but it is blocked or revoked. Throws Error:
/// not_found, with similar ids.
std::optional<OrgId> org_of_agent(db::Database &database, AgentId const &agent);

/// Asks for what show_agent returns, except devices, in one message. The result returns none if there is no such agent. `at` and `db_role` are those of
/// the transaction's start.
std::function<std::optional<AgentDetails>()> ask_details(db::Transaction &transaction, AgentId const &agent,
                                                         int events);

struct ListKeys {
    std::optional<AgentId> agent{};
    std::optional<OrgId> org{};
    std::optional<KeyStatus> status{};
    bool live_only = false;  ///< only keys that gateways accept, ignoring blocks
    bool newest_first = false;  ///< instead of by id; not with an order
    std::optional<std::chrono::seconds> older_than{};
    bool never_used = false;
    std::optional<std::chrono::seconds> unused_for{};  ///< only keys not used for this long (if never: created)
    WhichAgents which{};
    PageRequest page{};
};
std::vector<std::string> key_sort_fields();
/// Throws Error: not_found, no such agent or organization.
ListEnd list_keys(db::Database &database, ListKeys const &request, EachItem<Key> const &each);

struct KeyDetails {
    Key key;
    std::vector<Standing> standing{};  ///< of the key, its agent and its organization
    KeylessWays keyless{};  ///< of its agent
    std::vector<Event> events{};  ///< newest first; with attempts that had the wrong secret
    std::vector<Event> changes{};  ///< those that are not mere uses
    std::vector<Authentications> authentications{};  ///< the latest first
    Instant at{};
    std::string db_role{};
};
KeyDetails show_key(db::Database &database, KeyId const &key, int events);

struct KeyVerification {
    bool ok = false;
    KeyVerdict reason = KeyVerdict::unknown_key;
    std::optional<OrgId> org_id{};
    std::optional<AgentId> agent_id{};
    std::optional<Instant> expires_at{};
    std::vector<Grant> grants{};  ///< what its agent may do; empty for an unknown key
    Instant at{};
    std::string db_role{};
};
/// Returns what a gateway would answer to a call from `address` (none: from an allowed one), without leaving a trace in
/// the database.
KeyVerification verify_key(db::Database &database, ApiKey const &key, std::optional<AgentId> const &agent,
                           std::optional<IpRange> const &address);

}  // namespace relay
