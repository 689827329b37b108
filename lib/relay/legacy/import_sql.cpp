#include "relay/legacy/import_sql.hpp"

#include "relay/db/list_text.hpp"
#include "relay/identity/agents_sql.hpp"
#include "relay/identity/events_sql.hpp"

namespace relay::sql {
namespace {

constexpr auto known_sql = R"sql(
SELECT agent.agent_id, agent.org_id, agent.name,
       array_to_string(ARRAY(SELECT jsonb_array_elements_text(agent.permissions)), ',') AS permissions,
       EXISTS (SELECT FROM relay.legacy_agents AS legacy WHERE legacy.agent_id = agent.agent_id) AS imported,
       EXISTS (SELECT FROM relay.proven_agents AS proven WHERE proven.agent_id = agent.agent_id) AS proven,
       agent.status = 'revoked' AS revoked
FROM relay.agent_status AS agent
WHERE agent.agent_id = ANY ($1::text[] COLLATE "C"))sql";

constexpr auto insert_orgs_sql = R"sql(
INSERT INTO relay.organizations (org_id, name, plan, created_by)
SELECT row.org_id, row.name, 'paid', $2 FROM jsonb_to_recordset($1::jsonb) AS row (org_id text, name text)
ON CONFLICT DO NOTHING RETURNING org_id)sql";

// The events are in the same statement as the rows, as relay.audit_new_rows demands. $3: the source; $4, $5: reason and ticket;
// $6: trace id.
constexpr auto insert_agents_sql = R"sql(
WITH made AS (
    INSERT INTO relay.agents (agent_id, org_id, name, permissions, created_by)
    SELECT row.agent_id, row.org_id, row.name, row.permissions, $2
    FROM jsonb_to_recordset($1::jsonb) AS row (agent_id text, org_id text, name text, permissions jsonb)
    ON CONFLICT DO NOTHING RETURNING agent_id, org_id, name
), written AS (
    INSERT INTO relay.auth_events (action, org_id, agent_id, detail, reason, ticket, actor, trace_id)
    SELECT 'agent_created', made.org_id, made.agent_id, jsonb_build_object('name', made.name, 'source', $3::text), $4, $5, $2, $6 FROM made
    RETURNING 1
)
SELECT made.agent_id, (SELECT count(*) FROM written) AS events FROM made)sql";

constexpr auto insert_inventory_sql = R"sql(
WITH listed AS (
    INSERT INTO relay.legacy_agents (agent_id, org_id, owner, imported_by)
    SELECT row.agent_id, row.org_id, row.owner, $2
    FROM jsonb_to_recordset($1::jsonb) AS row (agent_id text, org_id text, owner text)
    RETURNING agent_id, org_id
)
INSERT INTO relay.auth_events (action, org_id, agent_id, detail, reason, ticket, actor, trace_id)
SELECT 'migration_imported', listed.org_id, listed.agent_id, jsonb_build_object('source', $3::text), $4, $5, $2, $6 FROM listed)sql";

void require_events(db::Transaction &transaction, std::size_t written, std::size_t rows) {
    transaction.require(written == rows, "an event of the audit trail (relay.auth_events)");
}

/// Returns a JSON array with one object per element of `range`, filled by `describe`.
template <typename Range, typename Describe>
std::string json_rows(Range const &range, Describe const &describe) {
    std::string json = "[";
    for (auto const &entry : range) {
        Detail row;
        describe(row, entry);
        json += (json.size() > 1 ? "," : "") + row.json().value_or("{}");
    }
    return json + "]";
}

}  // namespace

std::map<AgentId, KnownAgent> known_agents(db::Transaction &transaction, std::vector<AgentId> const &ids) {
    std::map<AgentId, KnownAgent> agents;
    db::Rows const rows = transaction.exec(known_sql, {db::array_text(ids)});
    for (db::Row const row : rows) {
        agents.emplace(row.id<AgentId>("agent_id"), KnownAgent{.org_id = row.id<OrgId>("org_id"),
                                                               .name = row.text("name"),
                                                               .permissions = db::split_list(row.text("permissions")),
                                                               .imported = row.boolean("imported"),
                                                               .proven = row.boolean("proven"),
                                                               .revoked = row.boolean("revoked")});
    }
    return agents;
}

std::vector<OrgId> insert_legacy_orgs(db::Transaction &transaction, std::map<OrgId, std::string> const &names,
                                      Note const &created_by) {
    std::string const rows = json_rows(
        names, [](Detail &row, auto const &org) { row.add("org_id", org.first.text()).add("name", org.second); });
    return transaction.exec(insert_orgs_sql, {rows, created_by}).ids<OrgId>("org_id");
}

std::vector<AgentId> insert_legacy_agents(db::Transaction &transaction, std::vector<InventoryEntry> const &entries,
                                          std::string const &source, Attribution const &by) {
    std::string const rows = json_rows(entries, [](Detail &row, InventoryEntry const &entry) {
        row.add("agent_id", entry.agent.text())
            .add("org_id", entry.org.text())
            .add("name", entry.name.text())
            .add_json("permissions",
                      db::json_array(permission_texts(entry.permissions.value_or(std::vector<Permission>()))));
    });
    db::Rows const made =
        transaction.exec(insert_agents_sql, {rows, by.actor, source, by.reason, by.ticket, by.trace_id});
    require_events(transaction, made.empty() ? 0 : static_cast<std::size_t>(made[0].integer("events")), made.size());
    return made.ids<AgentId>("agent_id");
}

void insert_inventory(db::Transaction &transaction, std::vector<InventoryEntry> const &entries,
                      std::string const &source, Attribution const &by) {
    std::string const rows = json_rows(entries, [](Detail &row, InventoryEntry const &entry) {
        row.add("agent_id", entry.agent.text()).add("org_id", entry.org.text());
        if (entry.owner) {
            row.add("owner", entry.owner->text());
        }
    });
    require_events(
        transaction,
        transaction.exec(insert_inventory_sql, {rows, by.actor, source, by.reason, by.ticket, by.trace_id}).affected(),
        entries.size());
}

}  // namespace relay::sql
