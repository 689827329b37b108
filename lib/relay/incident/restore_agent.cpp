#include "relay/identity/agents_sql.hpp"
#include "relay/identity/create_parts.hpp"
#include "relay/identity/events_sql.hpp"
#include "relay/identity/keys_sql.hpp"
#include "relay/identity/organizations_sql.hpp"
#include "relay/identity/revocations_sql.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/incident/incident.hpp"

#include <fmt/format.h>

namespace relay {
namespace {

bool is_revoked_itself(db::Transaction &transaction, AgentId const &agent) {
    return sql::look_up(transaction, {agent}).front().revocation.has_value();
}

void refuse_revoked_org(db::Transaction &transaction, OrgId const &org) {
    if (sql::get_org(transaction, org).status == Status::revoked) {
        throw Error(ErrorKind::conflict, fmt::format("org {} is revoked; nothing was changed", org.text()),
                    {.next = advise(Act::restore_org, org)});
    }
}

}  // namespace

RestoredAgent restore_agent(db::Database &database, AgentId const &agent, WriteOptions const &options,
                            KeyDelivery &delivery) {
    DeliverThenCommit delivery_commit(&delivery, options.dry_run);
    ApiKey const key = ApiKey::generate(KeyType::agent);
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
        sql::lift(transaction, {agent}, StandingKind::revoke, options.by);
        check_agent_limit(sql::get_org(transaction, org));
        // The new key is dated by the start of this transaction. A revocation that committed since then would kill it
        // immediately, so start over with a later date.
        if (sql::revoked_meanwhile(transaction, agent, org)) {
            throw db::RunAgain();
        }
        sql::mark_revoked(transaction, agent);
        sql::insert_key(transaction, key.id(), key.hash(), agent, std::nullopt, options.by.actor);
        sql::record_events(
            transaction, options.by,
            {{.action = "agent_restored", .org_id = before.org_id, .agent_id = before.agent_id},
             {.action = "key_issued", .org_id = before.org_id, .agent_id = before.agent_id, .key_id = key.id()}});
        transaction.record_operation(delivery_commit.prepare(transaction, {.org = org, .agent = &agent, .key = key}));
        RestoredAgent restored{receipt_of(transaction, true), sql::get_agent(transaction, agent),
                               present_key(transaction, agent)};
        delivery_commit.deliver();
        return restored;
    });
    result.delivered_to = delivery_commit.destination();
    return result;
}

}  // namespace relay
