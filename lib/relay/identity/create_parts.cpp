#include "relay/identity/create_parts.hpp"

#include "relay/identity/agents_sql.hpp"
#include "relay/identity/events_sql.hpp"
#include "relay/identity/keys_sql.hpp"
#include "relay/identity/labels.hpp"
#include "relay/identity/limits_sql.hpp"
#include "relay/identity/new_agent_sql.hpp"
#include "relay/identity/organizations_sql.hpp"
#include "relay/identity/public_keys_sql.hpp"
#include "relay/identity/revocations_sql.hpp"
#include "relay/model/format_text.hpp"

#include <fmt/format.h>

namespace relay {
namespace {

using Fields = std::vector<std::string>;

void add_if(Fields &fields, bool differs, char const *name) {
    if (differs) {
        fields.emplace_back(name);
    }
}

[[noreturn]] void refuse_other_content(std::string_view what, std::string const &id, Fields const &fields,
                                       Advice next) {
    throw Error(ErrorKind::conflict,
                fmt::format("{} {} exists with a different {}; nothing was changed", what, id, fmt::join(fields, ", ")),
                {.next = std::move(next)});
}

/// Compares only what the request names: if the plan was updated since, a request that names no plan still matches.
Fields differing_from(Org const &org, DisplayName const &name, OrgSettings const &settings) {
    Fields fields;
    add_if(fields, org.name != name.text(), "name");
    add_if(fields, settings.plan && org.plan != *settings.plan, "plan");
    for (std::string const &field : differing_limits(org.limits, changed_limits(org.limits, settings.limits))) {
        add_if(fields, true, field.c_str());
    }
    add_if(fields, settings.providers && org.providers != *settings.providers, "providers");
    add_if(fields, (settings.key_max_age || settings.no_key_max_age) && org.key_max_age != settings.key_max_age,
           "key_max_age");
    add_if(fields, settings.auth_mode && org.auth_mode != *settings.auth_mode, "auth_mode");
    return fields;
}

void compare_org(Org const &org, CreateOrg const &request) {
    if (Fields const fields = differing_from(org, request.name, request.settings); !fields.empty()) {
        refuse_other_content("org", org.org_id.text(), fields,
                             advise(Act::show_org, org.org_id).also(advise(Act::update_org, org.org_id)));
    }
}

Fields differing_from(Agent const &agent, CreateAgent const &request) {
    Fields fields;
    add_if(fields, agent.org_id != request.org, "org");
    add_if(fields, agent.name != request.name.text(), "name");
    add_if(fields, agent.permissions != permission_texts(request.permissions), "permissions");
    add_if(fields, request.key_max_age && agent.key_max_age != request.key_max_age, "key_max_age");
    add_if(fields, request.owner && agent.owner != request.owner, "owner");
    add_if(fields, !has_labels(agent.labels, request.labels), "labels");
    add_if(fields, request.owner_user_id && agent.owner_user_id != request.owner_user_id, "owner_user_id");
    return fields;
}

void compare_agent(db::Transaction &transaction, CreateAgent const &request) {
    auto const there = sql::find_agent(transaction, request.id);
    transaction.require(there.has_value(), "agent " + request.id.text());
    Agent const &agent = *there;
    Fields fields = differing_from(agent, request);
    if (request.public_key) {
        auto const known = sql::find_public_key(transaction, *request.public_key);
        add_if(fields, !known || sql::get_key(transaction, *known).agent_id != request.id, "public key");
    }
    if (request.expires_at) {
        auto const key = present_key(transaction, request.id);
        add_if(fields, !key || key->expires_at != request.expires_at, "end of its key");
    }
    if (!fields.empty()) {
        refuse_other_content("agent", agent.agent_id.text(), fields,
                             advise(Act::show_agent, agent.agent_id).also(advise(Act::update_agent, agent.agent_id)));
    }
}

/// Throws Error (conflict) if the new agent's id or its organization is blocked or revoked: gateways would refuse it.
void refuse_shut_out(db::Transaction &transaction, CreateAgent const &request) {
    for (Standing const &standing : sql::standing_for(transaction, {request.id, request.org}).get()) {
        bool const org = kind_of(standing.subject) == SubjectKind::org;
        throw Error(
            ErrorKind::conflict,
            fmt::format("{} {} has been {} since {}; nothing was changed", kind_of(standing.subject), standing.subject,
                        status_of(standing.kind), format_instant_seconds(standing.at)),
            {.next = advise(standing.kind == StandingKind::block ? (org ? Act::unblock_org : Act::unblock_agent)
                                                                 : (org ? Act::restore_org : Act::restore_agent),
                            text_of(standing.subject))});
    }
}

}  // namespace

bool ensure_org(db::Transaction &transaction, CreateOrg const &request, Attribution const &by) {
    if (request.settings.plan) {
        sql::require_plan(transaction, *request.settings.plan);
    }
    if (!sql::insert_org(transaction, request.id, request.name, request.settings, by.actor)) {
        auto const there = sql::find_org(transaction, request.id);
        transaction.require(there.has_value(), "org " + request.id.text());
        compare_org(*there, request);
        return false;
    }
    auto const made = sql::find_org(transaction, request.id);
    transaction.confirm(made && differing_from(*made, request.name, request.settings).empty(),
                        "org " + request.id.text());
    sql::Detail detail;
    detail.add("name", request.name.text()).add("plan", request.settings.plan.value_or(PlanId::free()).text());
    sql::record_events(transaction, by, {{.action = "org_created", .org_id = request.id, .detail = detail}});
    return true;
}

void check_agent_limit(Org const &org) {
    if (!org.agent_limit_for_new || org.agents <= *org.agent_limit_for_new) {
        return;
    }
    if (!org.agent_limit || org.agents <= *org.agent_limit) {
        throw Error(
            ErrorKind::limit,
            fmt::format("org {} can add no agent: the plan that comes next, free, allows {}; nothing was changed",
                        org.org_id, *org.agent_limit_for_new),
            {.why = fmt::format("its subscription is {} since {}, and ends at {}",
                                text_of(org.subscription.value_or(SubscriptionState::cancelled)),
                                format_instant_seconds(org.subscription_said_at.value_or(Instant())),
                                format_instant_seconds(org.subscription_ends_at.value_or(Instant()))),
             .next = advise(Act::renew_subscription, org.org_id)
                         .also(advise(Act::raise_agent_limit, org.org_id.text(), std::to_string(org.agents)))});
    }
    std::int64_t const agents = org.agents - 1;
    throw Error(ErrorKind::limit,
                fmt::format("org {} is at its limit: {} of {} agents (plan {}); nothing was changed", org.org_id,
                            agents, *org.agent_limit, org.plan_in_force),
                {.why = org.max_agents ? "it has its own limit, which counts instead of that of its plan" : "",
                 .next = (org.max_agents || (org.plan == org.plan_in_force && !org.plan.is_free())
                              ? advise(Act::raise_agent_limit, org.org_id.text(), std::to_string(org.agents))
                          : org.plan.is_free() ? advise(Act::raise_plan, org.org_id)
                                               : advise(Act::renew_subscription, org.org_id))
                             .also("revoke an agent that is no longer needed")});
}

std::optional<MadeAgent> ensure_agent(db::Transaction &transaction, CreateAgent const &request, ApiKey const &key,
                                      Attribution const &by, DeliverThenCommit &delivery_commit) {
    if (request.expires_at && *request.expires_at <= transaction.now()) {
        throw Error(ErrorKind::usage,
                    fmt::format("the key would expire at {}, but it is already {}; nothing was changed",
                                format_instant_seconds(*request.expires_at), format_instant_seconds(transaction.now())),
                    {.why = "the database's clock decides", .next = "give an end in the future"});
    }
    // All in one message. If the agent is there already, the rest is rolled back.
    OperationId const &operation = delivery_commit.prepare({.org = request.org, .agent = &request.id, .key = key});
    Staging const *const staging = delivery_commit.staging();
    auto const insertion = sql::insert_agent(transaction, request, key, staging, by);
    auto const limited = sql::hold_limits(transaction, request.org);
    bool const is_staged = staging != nullptr || request.public_key;
    auto const made = sql::find_made_agent(transaction, request.id, key.id(), sql::stored_hash(request, key),
                                           is_staged ? KeyState::staged : KeyState::active);
    transaction.record_operation(operation);
    auto const inserted = insertion.get();
    if (!inserted) {
        sql::get_org(transaction, request.org);  // throws if the organization does not exist
        compare_agent(transaction, request);
        return std::nullopt;
    }
    if (inserted->has_revocations) {
        refuse_shut_out(transaction, request);
    }
    if (limited.get()) {
        // Of agents that are inserted at the same time, the one that gets the lock last counts them all.
        sql::lock_org(transaction, request.org);
        check_agent_limit(sql::get_org(transaction, request.org));
    }
    std::optional<Agent> agent = made.get();
    transaction.confirm(agent && differing_from(*agent, request).empty(),
                        "agent " + request.id.text() + " with its key");
    return MadeAgent{.agent = *std::move(agent), .key = inserted->key};
}

std::optional<Key> present_key(db::Transaction &transaction, AgentId const &agent) {
    sql::CurrentKeys keys = sql::current_keys(transaction, agent);
    if (keys.active) {
        return std::move(keys.active);
    }
    std::vector<Key> &others = keys.staged.empty() ? keys.retiring : keys.staged;
    return others.empty() ? std::nullopt : std::optional(std::move(others.back()));
}

}  // namespace relay
