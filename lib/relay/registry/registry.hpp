#pragma once

#include "relay/db/database.hpp"
#include "relay/model/attribution.hpp"
#include "relay/model/page.hpp"
#include "relay/registry/records.hpp"

#include <vector>

/// The registry of agents that run. Agents write it, with the functions of the contract (schema/0036_registry.sql); the
/// program shows it, and ends leases. Leases are not on standbys, so all of this needs the primary.
namespace relay {

struct WhichRegistered {
    std::optional<OrgId> org{};
    std::optional<std::string> skill{};
    std::optional<std::string> tag{};  ///< in any case
    std::optional<std::string> capability{};  ///< a flag, or the URI of an extension
    std::optional<std::string> match{};  ///< a glob over id, name and ids of skills, in any case
};

struct ListRegistered {
    WhichRegistered which{};
    bool gone = false;  ///< those whose leases have ended, instead of those that run
    PageRequest page{};
};
std::vector<std::string> registered_sort_fields();
/// Throws Error: not_found, no such organization; unavailable on a standby.
ListEnd list_registered(db::Database &database, ListRegistered const &request, EachItem<RegisteredAgent> const &each);

struct RegistrySummary {
    std::int64_t agents = 0;  ///< that run, also if no search finds them
    std::int64_t instances = 0;
    std::int64_t late = 0;  ///< agents of which a beat is overdue
    std::int64_t unfound = 0;  ///< agents that no search finds: draining, blocked, revoked or over the limit
    std::vector<SkillCapacity> skills{};  ///< those with the most processes first
};
/// Counts what runs, with at most `most_skills` skills.
RegistrySummary summarize_registry(db::Database &database, WhichRegistered const &which, std::int64_t most_skills);

struct RegisteredDetails {
    RegisteredAgent agent;
    std::string card{};  ///< as JSON
    std::vector<Instance> instances{};  ///< also those that have ended and were not removed yet
    Instant at{};
    std::string db_role{};
};
/// Throws Error: not_found, no such agent, or it has never registered.
RegisteredDetails show_registered(db::Database &database, AgentId const &agent);

struct Unregistered : WriteReceipt {
    OrgId org_id;
    std::vector<InstanceId> ended{};
};
/// Ends leases of an agent: of one instance, of all of them, or of the only one. Throws Error: not_found; conflict, with
/// their names, if it has several and none is named.
Unregistered unregister(db::Database &database, AgentId const &agent, std::optional<InstanceId> const &instance,
                        bool all, WriteOptions const &options);

}  // namespace relay
