#pragma once

#include "relay/db/transaction.hpp"
#include "relay/model/attribution.hpp"
#include "relay/model/ids.hpp"

#include <map>
#include <string>
#include <vector>

/// What an import of agents that carry the shared secret reads and writes: a batch with each statement.
namespace relay::sql {

/// A row that was checked.
struct InventoryEntry {
    std::size_t line = 0;
    AgentId agent;
    OrgId org;
    DisplayName name;
    bool named = false;  ///< the source gave the name; otherwise it is the id
    std::optional<DisplayName> owner{};
    std::optional<std::vector<Permission>> permissions{};  ///< none: the source says nothing of them
    bool revoked = false;
};

/// An agent that is there already.
struct KnownAgent {
    OrgId org_id;
    std::string name{};
    std::vector<std::string> permissions{};
    bool imported = false;
    bool proven = false;  ///< used a key of its own
    bool revoked = false;
};
std::map<AgentId, KnownAgent> known_agents(db::Transaction &transaction, std::vector<AgentId> const &ids);

/// How many more agents an organization may have; no value inside: no limit. Organizations with a limit are held until the end of the
/// transaction. Those that do not exist are not in it.
std::map<OrgId, std::optional<std::int64_t>> free_seats(db::Transaction &transaction, std::vector<OrgId> const &orgs);

/// Makes organizations without a limit; returns those that were made.
std::vector<OrgId> insert_legacy_orgs(db::Transaction &transaction, std::map<OrgId, std::string> const &names,
                                      Note const &created_by);

/// Makes agents without a key; returns the ids that were made: another session may have been faster.
std::vector<AgentId> insert_legacy_agents(db::Transaction &transaction, std::vector<InventoryEntry> const &entries,
                                          Note const &created_by);

/// Puts agents that exist into the inventory.
void insert_inventory(db::Transaction &transaction, std::vector<InventoryEntry> const &entries,
                      Note const &imported_by);

}  // namespace relay::sql
