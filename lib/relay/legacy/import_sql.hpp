#pragma once

#include "relay/db/transaction.hpp"
#include "relay/model/attribution.hpp"
#include "relay/model/ids.hpp"

#include <map>
#include <string>
#include <vector>

/// The statements of the import of agents that share a secret; each works on a whole batch.
namespace relay::sql {

/// A row that was checked.
struct InventoryEntry {
    std::size_t line = 0;
    AgentId agent;
    OrgId org;
    DisplayName name;
    bool named = false;  ///< the source has a name; false: the id serves as the name
    std::optional<DisplayName> owner{};
    std::optional<std::vector<Permission>> permissions{};  ///< none: the source has no permissions
    bool revoked = false;
};

/// An agent that exists already.
struct KnownAgent {
    OrgId org_id;
    std::string name{};
    std::vector<std::string> permissions{};
    bool imported = false;
    bool proven = false;  ///< has used its own key
    bool revoked = false;
};
std::map<AgentId, KnownAgent> known_agents(db::Transaction &transaction, std::vector<AgentId> const &ids);

/// Creates organizations without a limit. Returns those that it created.
std::vector<OrgId> insert_legacy_orgs(db::Transaction &transaction, std::map<OrgId, std::string> const &names,
                                      Note const &created_by);

/// Creates agents without a key, with their events. Returns the ids that it created: another session may have been faster
/// with some.
std::vector<AgentId> insert_legacy_agents(db::Transaction &transaction, std::vector<InventoryEntry> const &entries,
                                          std::string const &source, Attribution const &by);

/// Adds existing agents to the inventory, with their events.
void insert_inventory(db::Transaction &transaction, std::vector<InventoryEntry> const &entries,
                      std::string const &source, Attribution const &by);

}  // namespace relay::sql
