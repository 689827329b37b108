#include "relay/legacy/inventory_entry.hpp"

#include "relay/model/error.hpp"

#include <functional>

namespace relay {

using sql::InventoryEntry;

InventoryEntry read_entry(LegacyRow const &row, std::optional<OrgId> const &default_org) {
    if (!row.fault.empty()) {
        throw Error(ErrorKind::usage, row.fault);
    }
    if (!row.agent_id) {
        throw Error(ErrorKind::usage, "it has no agent_id");
    }
    AgentId agent = AgentId::parse(*row.agent_id);
    if (!row.org_id && !default_org) {
        throw Error(ErrorKind::usage, "it has no org_id (give one with --org ORG)");
    }
    InventoryEntry entry{.line = row.line,
                         .agent = agent,
                         .org = row.org_id ? OrgId::parse(*row.org_id) : *default_org,
                         .name = DisplayName::parse(row.name.value_or(agent.text())),
                         .named = row.name.has_value(),
                         .revoked = row.revoked};
    if (row.owner) {
        entry.owner = DisplayName::parse(*row.owner);
    }
    if (row.permissions) {
        entry.permissions.emplace();
        for (std::string const &text : *row.permissions) {
            entry.permissions->push_back(Permission::parse(text));
        }
    }
    return entry;
}

std::size_t row_digest(InventoryEntry const &entry) {
    std::string text = entry.org.text() + '\n' + entry.name.text() + (entry.revoked ? "\nr" : "\n");
    for (std::string const &permission : permission_texts(entry.permissions.value_or(std::vector<Permission>()))) {
        text += '\n' + permission;
    }
    return std::hash<std::string>()(text);
}

std::string difference(InventoryEntry const &entry, sql::KnownAgent const &known) {
    if (known.org_id != entry.org) {
        return "it exists in org " + known.org_id.text();
    }
    if (entry.revoked && !known.revoked) {
        return "it is revoked in the source, but not in this database: revoke it here too";
    }
    if (entry.named && known.name != entry.name.text()) {
        return "it exists with a different name";
    }
    if (entry.permissions && known.permissions != permission_texts(*entry.permissions)) {
        return "it exists with different permissions";
    }
    return {};
}

}  // namespace relay
