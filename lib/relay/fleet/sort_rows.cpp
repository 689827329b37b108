#include "relay/fleet/sort_rows.hpp"

#include "relay/fleet/new_agents_sql.hpp"
#include "relay/identity/organizations_sql.hpp"

#include <set>

namespace relay {
namespace {

/// Returns how an agent that exists differs from its row; empty: it does not.
std::string difference(AgentRow const &row, sql::ExistingAgent const &existing) {
    if (existing.org_id != row.agent.org) {
        return "it exists in org " + existing.org_id.text();
    }
    std::string fields;
    auto const note = [&fields](bool differs, char const *field) {
        fields += differs ? (fields.empty() ? "" : ", ") + std::string(field) : "";
    };
    note(row.has_name && existing.name != row.agent.name.text(), "name");
    note(row.has_permissions && existing.permissions != permission_texts(row.agent.permissions), "permissions");
    note(row.agent.owner && existing.owner != row.agent.owner->text(), "owner");
    note(row.has_labels && existing.labels != row.agent.labels, "labels");
    note(row.agent.key_max_age && existing.key_max_age != row.agent.key_max_age, "key_max_age");
    return fields.empty() ? "" : "it exists with a different " + fields;
}

/// Sorts out the rows that create an agent. Locks organizations with a limit, so that it cannot be exceeded.
class SortOut {
  public:
    SortOut(db::Transaction &transaction, std::span<AgentRow const> rows) : m_transaction(transaction), m_rows(rows) {}

    SortedRows run(TakenSeats const &taken) {
        std::vector<AgentId> ids;
        std::set<OrgId> orgs;
        for (AgentRow const &row : m_rows) {
            ids.push_back(row.agent.id);
            orgs.insert(row.agent.org);
        }
        std::vector<std::string> subjects = texts_of(ids);
        for (OrgId const &org : orgs) {
            subjects.push_back(org.text());
        }
        m_existing = sql::existing_agents(m_transaction, ids);
        m_standing = sql::standing_of(m_transaction, subjects);
        m_seats = sql::free_seats(m_transaction, {orgs.begin(), orgs.end()});
        for (auto &[org, seats] : m_seats) {
            m_sorted.has_locked = m_sorted.has_locked || seats.has_value();
            if (auto const earlier = taken.find(org); seats && earlier != taken.end()) {
                *seats -= earlier->second;
            }
        }
        for (AgentRow const &row : m_rows) {
            sort(row);
        }
        return std::move(m_sorted);
    }

  private:
    void sort(AgentRow const &row) {
        if (auto const there = m_existing.find(row.agent.id); there != m_existing.end()) {
            std::string const why = difference(row, there->second);
            if (why.empty() && !there->second.has_active_key) {
                return m_sorted.without_key.push_back(&row);
            }
            m_sorted.others.push_back(
                outcome_of(row, why.empty() ? ImportOutcome::unchanged : ImportOutcome::failed, why));
        } else if (std::string why = reason_against(row); !why.empty()) {
            m_sorted.others.push_back(outcome_of(row, ImportOutcome::failed, std::move(why)));
        } else {
            m_sorted.to_create.push_back(&row);
        }
    }

    std::string reason_against(AgentRow const &row) {
        auto const seats = m_seats.find(row.agent.org);
        if (seats == m_seats.end()) {
            return "org " + row.agent.org.text() + " does not exist";
        }
        if (auto const org = m_standing.find(row.agent.org.text()); org != m_standing.end()) {
            return "org " + row.agent.org.text() + " is " + org->second;
        }
        if (auto const agent = m_standing.find(row.agent.id.text()); agent != m_standing.end()) {
            return "the id is " + agent->second;
        }
        if (seats->second && (*seats->second)-- <= 0) {
            return "org " + row.agent.org.text() + " is at its limit of agents";
        }
        return {};
    }

    db::Transaction &m_transaction;
    std::span<AgentRow const> m_rows;
    std::map<AgentId, sql::ExistingAgent> m_existing{};
    std::map<std::string, std::string> m_standing{};
    std::map<OrgId, std::optional<std::int64_t>> m_seats{};
    SortedRows m_sorted{};
};

}  // namespace

SortedRows sort_rows(db::Transaction &transaction, std::span<AgentRow const> rows, TakenSeats const &taken) {
    return SortOut(transaction, rows).run(taken);
}

ImportedAgent outcome_of(AgentRow const &row, ImportOutcome outcome, std::string reason) {
    return {.line = row.line,
            .agent_id = row.agent.id.text(),
            .org_id = row.agent.org,
            .owner = row.agent.owner ? std::optional(row.agent.owner->text()) : std::nullopt,
            .outcome = outcome,
            .reason = std::move(reason)};
}

Receiver receiver_of(AgentRow const &row) {
    return {row.agent.id, row.agent.org, row.agent.owner ? std::optional(row.agent.owner->text()) : std::nullopt};
}

}  // namespace relay
