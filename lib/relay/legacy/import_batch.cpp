#include "relay/legacy/import_batch.hpp"

#include "relay/identity/agents_sql.hpp"
#include "relay/identity/events_sql.hpp"
#include "relay/identity/organizations_sql.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/incident/shut_out_sql.hpp"
#include "relay/legacy/import_sql.hpp"
#include "relay/legacy/old_table_sql.hpp"
#include "relay/legacy/windows_sql.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace relay {
namespace {

using sql::InventoryEntry;
using Entries = std::vector<InventoryEntry>;

class Batch {
  public:
    Batch(db::Transaction &transaction, ImportLegacy const &request, Attribution const &by)
        : m_transaction(transaction), m_request(request), m_by(by) {}

    ImportedLegacy run(std::span<InventoryEntry const> rows) {
        sql::lock_legacy(m_transaction);
        sort_out(rows);
        make_orgs();
        give_seats();
        make_agents();
        fill_inventory();
        if (m_changed) {
            confirm();
        } else {
            m_transaction.nothing_to_do();
        }
        return std::move(m_result);
    }

  private:
    void sort_out(std::span<InventoryEntry const> rows) {
        std::vector<AgentId> ids;
        for (InventoryEntry const &row : rows) {
            ids.push_back(row.agent);
        }
        auto const known = sql::known_agents(m_transaction, ids);
        for (InventoryEntry const &row : rows) {
            auto const there = known.find(row.agent);
            if (there == known.end()) {
                m_new.push_back(row);
            } else if (std::string why = difference(row, there->second); !why.empty()) {
                m_result.faults.push_back(fault_of(row, std::move(why)));
            } else if (there->second.imported || there->second.revoked) {
                ++m_result.unchanged;
            } else if (there->second.proven) {
                ++m_result.own_key;
            } else {
                m_listed.push_back(row);
            }
        }
    }

    std::vector<OrgId> orgs_of_new() const {
        std::set<OrgId> orgs;
        for (InventoryEntry const &row : m_new) {
            orgs.insert(row.org);
        }
        return {orgs.begin(), orgs.end()};
    }

    void make_orgs() {
        std::vector<OrgId> const wanted = orgs_of_new();
        m_seats = sql::free_seats(m_transaction, wanted);
        if (!m_request.create_orgs || m_seats.size() == wanted.size()) {
            return;
        }
        std::map<OrgId, std::string> names;
        for (OrgId const &org : wanted) {
            if (m_seats.count(org) == 0) {
                names.emplace(org, org.text());
            }
        }
        if (m_request.orgs_table) {
            take_names(names, sql::legacy_org_names(m_transaction, *m_request.orgs_table, wanted));
        }
        std::vector<sql::NewEvent> events;
        for (OrgId const &org : sql::insert_legacy_orgs(m_transaction, names, m_by.actor)) {
            m_result.orgs_created.insert(org);
            sql::Detail detail;
            detail.add("name", names[org]).add("plan", "paid").add("source", m_request.source);
            events.push_back({.action = "org_created", .org_id = org, .detail = detail});
        }
        if (!events.empty()) {
            m_changed = true;
            sql::record_events(m_transaction, m_by, events);
        }
        for (auto const &[org, name] : names) {
            m_seats.emplace(org, std::nullopt);
        }
    }

    /// Takes the names that are valid. An invalid name does not keep a whole organization out of the import.
    static void take_names(std::map<OrgId, std::string> &names, std::map<std::string, std::string> const &theirs) {
        for (auto &[org, name] : names) {
            auto const found = theirs.find(org.text());
            if (found == theirs.end()) {
                continue;
            }
            try {
                name = DisplayName::parse(found->second).text();
            } catch (Error const &) {
                // The organization keeps its id as its name; `org update --name` can change that.
            }
        }
    }

    void give_seats() {
        Entries seated;
        for (InventoryEntry &row : m_new) {
            auto const seats = m_seats.find(row.org);
            if (seats == m_seats.end()) {
                m_result.faults.push_back(fault_of(
                    row, "org " + row.org.text() + " does not exist (--create-orgs creates missing organizations)"));
                m_result.faults.back().missing_org = row.org;
            } else if (!row.revoked && seats->second && (*seats->second)-- <= 0) {
                m_result.faults.push_back(fault_of(row, "org " + row.org.text() + " is at its limit of agents"));
            } else {
                seated.push_back(std::move(row));
            }
        }
        m_new = std::move(seated);
    }

    void make_agents() {
        if (m_new.empty()) {
            return;
        }
        std::vector<AgentId> const ids = sql::insert_legacy_agents(m_transaction, m_new, m_request.source, m_by);
        m_changed = m_changed || !ids.empty();
        std::set<AgentId> const made(ids.begin(), ids.end());
        std::vector<Subject> revoked;
        for (InventoryEntry const &row : m_new) {
            if (made.count(row.agent) == 0) {
                m_transaction.require(!sql::known_agents(m_transaction, {row.agent}).empty(),
                                      "agent " + row.agent.text());
                m_result.faults.push_back(fault_of(row, "another session created it meanwhile: run the import again"));
                continue;
            }
            if (row.revoked) {
                revoked.emplace_back(row.agent);
                m_revoked.push_back(row.agent);
            } else {
                ++m_result.created;
                m_listed.push_back(row);
            }
        }
        if (!revoked.empty()) {
            Attribution by = m_by;
            by.reason = by.reason ? by.reason : Note::parse("reason", "revoked in the old relay");
            sql::shut_out(m_transaction, {.subjects = revoked, .kind = StandingKind::revoke}, by);
            m_transaction.expect_announcement();
            m_result.revoked += revoked.size();
        }
    }

    void fill_inventory() {
        if (m_listed.empty()) {
            return;
        }
        sql::insert_inventory(m_transaction, m_listed, m_request.source, m_by);
        m_changed = true;
        m_result.imported += m_listed.size();
    }

    /// Reads back what was made of the rows: each is known now as it was meant, and imported or revoked.
    void confirm() const {
        std::vector<AgentId> ids;
        for (Entries const *rows : {&m_new, &m_listed}) {
            for (InventoryEntry const &row : *rows) {
                ids.push_back(row.agent);
            }
        }
        auto const known = sql::known_agents(m_transaction, ids);
        auto const holds = [&](InventoryEntry const &row) {
            auto const there = known.find(row.agent);
            return there != known.end() && difference(row, there->second).empty() &&
                   (row.revoked ? there->second.revoked : there->second.imported);
        };
        for (InventoryEntry const &row : m_listed) {
            m_transaction.require(holds(row), "agent " + row.agent.text() + " in the inventory");
        }
        for (AgentId const &agent : m_revoked) {
            auto const there = known.find(agent);
            m_transaction.require(there != known.end() && there->second.revoked,
                                  "the revocation of agent " + agent.text());
        }
        m_transaction.confirm(true, "the import");
    }

    db::Transaction &m_transaction;
    ImportLegacy const &m_request;
    Attribution const &m_by;
    ImportedLegacy m_result{};
    Entries m_new{};
    Entries m_listed{};
    std::vector<AgentId> m_revoked{};
    std::map<OrgId, std::optional<std::int64_t>> m_seats{};
    bool m_changed = false;
};

}  // namespace

ImportedLegacy import_batch(db::Transaction &transaction, ImportLegacy const &request, Attribution const &by,
                            std::span<InventoryEntry const> rows) {
    return Batch(transaction, request, by).run(rows);
}

LegacyFault fault_of(InventoryEntry const &entry, std::string reason) {
    return {.line = entry.line, .agent_id = entry.agent.text(), .reason = std::move(reason)};
}

}  // namespace relay
