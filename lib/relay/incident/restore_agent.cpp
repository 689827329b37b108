#include "relay/identity/agents_sql.hpp"
#include "relay/identity/create_parts.hpp"
#include "relay/identity/events_sql.hpp"
#include "relay/identity/keys_sql.hpp"
#include "relay/identity/organizations_sql.hpp"
#include "relay/identity/revocations_sql.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/incident/effect.hpp"
#include "relay/incident/renew_sql.hpp"
#include "relay/incident/shut_out_sql.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace relay {
namespace {

/// Returns the first row that revokes the agent itself, if any; with `by`, the first that is not its own.
std::optional<Standing> revoked_by(db::Transaction &transaction, AgentId const &agent,
                                   Attribution const *by = nullptr) {
    std::vector<Standing> const standing = sql::standing_for(transaction, {agent}).get();
    auto const found = std::find_if(standing.begin(), standing.end(), [&](Standing const &row) {
        return row.kind == StandingKind::revoke && !(by != nullptr && is_own(row, *by, transaction.now()));
    });
    return found != standing.end() ? std::optional(*found) : std::nullopt;
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

/// Returns whether an active or staged key of the agent works.
bool has_lasting_key(db::Transaction &transaction, AgentId const &agent) {
    sql::CurrentKeys const keys = sql::current_keys(transaction, agent);
    return (keys.active && keys.active->live()) ||
           std::any_of(keys.staged.begin(), keys.staged.end(), [](Key const &key) { return key.live(); });
}

/// Ends what is left of the agent's keys. One in grace may still be live, and would be a third key.
void end_others(db::Transaction &transaction, Agent const &agent, Attribution const &by) {
    for (Key const &key : sql::current_keys(transaction, agent.agent_id).retiring) {
        if (key.live()) {
            sql::retire(transaction, key.key_id);
            sql::record_events(
                transaction, by,
                {{.action = "key_retired", .org_id = agent.org_id, .agent_id = agent.agent_id, .key_id = key.key_id}});
        }
    }
    sql::mark_revoked(transaction, agent.agent_id);
}

/// What there is to do for an agent. `expires_at` is that of the new key.
struct Plan {
    bool makes_key = false;
    bool lifts = false;
    std::optional<Instant> expires_at{};
};

/// Returns the expiry of the agent's last key, if it is still to come: a restore does not extend access that was meant to end.
std::optional<Instant> expiry_to_come(db::Transaction &transaction, AgentId const &agent) {
    std::vector<Key> const keys = sql::keys_of_agent(transaction, agent).get();  // newest first
    return !keys.empty() && keys.front().expires_at > transaction.now() ? keys.front().expires_at : std::nullopt;
}

Plan plan_of(db::Transaction &transaction, RestoreAgent const &request, OfIncident const *clean,
             Attribution const &by) {
    AgentId const &agent = request.agent;
    bool const is_revoked = revoked_by(transaction, agent).has_value();
    if (request.expires_at && *request.expires_at <= transaction.now()) {
        throw Error(ErrorKind::usage, fmt::format("the new key would end at {}, which has passed; nothing was changed",
                                                  format_instant_seconds(*request.expires_at)));
    }
    if (clean == nullptr) {
        return {.makes_key = is_revoked,
                .lifts = is_revoked,
                .expires_at = request.expires_at ? request.expires_at : expiry_to_come(transaction, agent)};
    }
    if (auto const other = revoked_by(transaction, agent, &by)) {
        throw Error(ErrorKind::conflict,
                    fmt::format("agent {} was revoked by {} before, so it stays revoked", agent.text(), other->actor),
                    {.next = advise(Act::restore_agent, agent)});
    }
    bool const may_lift = std::find(clean->agents.begin(), clean->agents.end(), agent) != clean->agents.end();
    if ((is_revoked && !may_lift) || has_lasting_key(transaction, agent)) {
        return {};
    }
    auto const ended = sql::agents_to_renew(transaction, *clean, by, agent);
    bool const is_due = !ended.empty() && (!ended.front().expires_at || *ended.front().expires_at > transaction.now());
    return is_due ? Plan{.makes_key = true, .lifts = is_revoked, .expires_at = ended.front().expires_at} : Plan{};
}

/// `clean` is what a clean-up is about; null: someone asks to restore the agent, whoever revoked it, and whatever keys it had.
RestoredAgent bring_back(db::Database &database, RestoreAgent const &request, OfIncident const *clean,
                         WriteOptions const &options, KeyDelivery &delivery) {
    AgentId const &agent = request.agent;
    DeliverThenCommit delivery_commit(&delivery, options);
    ApiKey const key = ApiKey::generate(KeyType::agent);
    Staging const *const staging = delivery_commit.staging();
    auto result = delivery_commit.run(database, writing(options), [&](db::Transaction &transaction) -> RestoredAgent {
        Agent const before = sql::get_agent(transaction, agent);
        OrgId const &org = before.org_id;
        sql::lock_org(transaction, org);  // the restored agent counts towards the organization's limit again
        sql::lock_agent(transaction, agent);
        refuse_revoked_org(transaction, org);
        Plan const plan = plan_of(transaction, request, clean, options.by);
        if (!plan.makes_key) {
            transaction.nothing_to_do();
            return {receipt_of(transaction, false), before, present_key(transaction, agent)};
        }
        OperationId const &operation = delivery_commit.prepare({.org = org, .agent = &agent, .key = key});
        if (plan.lifts) {
            auto const lifted = sql::lift(transaction, {.subjects = {agent}, .kind = StandingKind::revoke}, options.by);
            check_agent_limit(sql::get_org(transaction, org));
            transaction.expect_announcement();
            transaction.require(lifted.get().events == 1, "an event of the audit trail (relay.auth_events)");
        }
        end_others(transaction, before, options.by);
        sql::record_events(transaction, options.by,
                           {{.action = staging != nullptr ? "key_staged" : "key_issued",
                             .org_id = before.org_id,
                             .agent_id = before.agent_id,
                             .key_id = key.id()}});
        if (staging != nullptr) {
            sql::stage_key(transaction, key.id(), key.hash(), agent, plan.expires_at, *staging, options.by.actor);
        } else {
            sql::insert_key(transaction, key.id(), key.hash(), agent, plan.expires_at, options.by.actor);
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

}  // namespace

bool is_own(Standing const &row, Attribution const &by, Instant now) {
    return row.actor == by.actor.text() &&
           row.ticket == (by.ticket ? std::optional(by.ticket->text()) : std::nullopt) && row.at > now - own_for;
}

RestoredAgent restore_agent(db::Database &database, RestoreAgent const &request, WriteOptions const &options,
                            KeyDelivery &delivery) {
    return bring_back(database, request, nullptr, options, delivery);
}

RestoredAgent renew_agent(db::Database &database, AgentId const &agent, OfIncident const &what,
                          WriteOptions const &options, KeyDelivery &delivery) {
    return bring_back(database, {.agent = agent}, &what, options, delivery);
}

std::vector<AgentToRenew> agents_to_renew(db::Database &database, OfIncident const &what, Attribution const &by) {
    return database.transact(reading(),
                             [&](db::Transaction &transaction) { return sql::agents_to_renew(transaction, what, by); });
}

std::vector<FreshBefore> fresh_before(db::Database &database, std::vector<FreshFile> const &files,
                                      OfIncident const &what, Attribution const &by,
                                      std::chrono::milliseconds lock_patience) {
    db::TransactOptions options = reading();
    options.lock_patience = lock_patience;
    return database.transact(
        options, [&](db::Transaction &transaction) { return sql::fresh_before(transaction, files, what, by); });
}

}  // namespace relay
