#include "relay/identity/agents_sql.hpp"
#include "relay/identity/create_parts.hpp"
#include "relay/identity/events_sql.hpp"
#include "relay/identity/keys_sql.hpp"
#include "relay/identity/organizations_sql.hpp"
#include "relay/identity/revocations_sql.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/incident/effect.hpp"
#include "relay/incident/shut_out_sql.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace relay {
namespace {

bool is_revoked_itself(db::Transaction &transaction, AgentId const &agent) {
    std::vector<Standing> const standing = sql::standing_for(transaction, {agent}).get();
    return std::any_of(standing.begin(), standing.end(),
                       [](Standing const &row) { return row.kind == StandingKind::revoke; });
}

void refuse_revoked_org(db::Transaction &transaction, OrgId const &org) {
    if (sql::get_org(transaction, org).status == Status::revoked) {
        throw Error(ErrorKind::conflict, fmt::format("org {} is revoked; nothing was changed", org.text()),
                    {.next = advise(Act::restore_org, org)});
    }
}

/// Checks before the key is delivered: the revocation is lifted, the key counts, and only a block may refuse it.
void confirm_restored(db::Transaction &transaction, RestoredAgent const &restored, ApiKey const &key) {
    AgentId const &agent = restored.agent.agent_id;
    sql::require_lifted(transaction, {.subjects = {agent}, .kind = StandingKind::revoke});
    transaction.settle();
    if (restored.agent.status == Status::revoked) {
        throw db::RunAgain();  // its organization was revoked meanwhile: the next run says so
    }
    std::vector<std::string> const doubts{"agent " + agent.text() + " may still be revoked"};
    transaction.require(restored.key && restored.key->key_id == key.id() && restored.key->live(),
                        "the new key of agent " + agent.text(), doubts);
    sql::confirm_new_key(transaction, key.id(), key.hash(), agent, restored.key->state, doubts);
}

}  // namespace

RestoredAgent restore_agent(db::Database &database, AgentId const &agent, WriteOptions const &options,
                            KeyDelivery &delivery) {
    DeliverThenCommit delivery_commit(&delivery, options);
    ApiKey const key = ApiKey::generate(KeyType::agent);
    Staging const *const staging = delivery_commit.staging();
    auto result = delivery_commit.run(database, writing(options), [&](db::Transaction &transaction) -> RestoredAgent {
        Agent const before = sql::get_agent(transaction, agent);
        OrgId const &org = before.org_id;
        sql::lock_org(transaction, org);  // the restored agent counts towards the organization's limit again
        sql::lock_agent(transaction, agent);
        refuse_revoked_org(transaction, org);
        if (!is_revoked_itself(transaction, agent)) {
            transaction.nothing_to_do();
            return {receipt_of(transaction, false), before, present_key(transaction, agent)};
        }
        OperationId const &operation = delivery_commit.prepare({.org = org, .agent = &agent, .key = key});
        auto const lifted = sql::lift(transaction, {.subjects = {agent}, .kind = StandingKind::revoke}, options.by);
        check_agent_limit(sql::get_org(transaction, org));
        sql::mark_revoked(transaction, agent);
        transaction.require(lifted.get().events == 1, "an event of the audit trail (relay.auth_events)");
        sql::record_events(transaction, options.by,
                           {{.action = staging != nullptr ? "key_staged" : "key_issued",
                             .org_id = before.org_id,
                             .agent_id = before.agent_id,
                             .key_id = key.id()}});
        if (staging != nullptr) {
            sql::stage_key(transaction, key.id(), key.hash(), agent, std::nullopt, *staging, options.by.actor);
        } else {
            sql::insert_key(transaction, key.id(), key.hash(), agent, std::nullopt, options.by.actor);
        }
        transaction.record_operation(operation);
        RestoredAgent restored{receipt_of(transaction, true), sql::get_agent(transaction, agent),
                               present_key(transaction, agent)};
        confirm_restored(transaction, restored, key);
        delivery_commit.deliver(transaction);
        return restored;
    });
    result.delivered_to = delivery_commit.destination();
    if (auto const &confirmed = delivery_commit.confirmed()) {
        result.key = confirmed->key;
    }
    if (result.changed && !options.dry_run) {
        IncidentReceipt receipt;
        receipt.items.push_back({.subject = agent});
        confirm_committed(database, receipt, StandingKind::revoke, false);
    }
    return result;
}

}  // namespace relay
