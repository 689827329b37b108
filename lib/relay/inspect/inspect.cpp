#include "relay/inspect/inspect.hpp"

#include "relay/db/list_text.hpp"
#include "relay/devices/devices_sql.hpp"
#include "relay/identity/agent_permissions_sql.hpp"
#include "relay/identity/agents_sql.hpp"
#include "relay/identity/authentications_sql.hpp"
#include "relay/identity/events_sql.hpp"
#include "relay/identity/keys_sql.hpp"
#include "relay/identity/org_tokens_sql.hpp"
#include "relay/identity/organizations_sql.hpp"
#include "relay/identity/read_list.hpp"
#include "relay/identity/revocations_sql.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/permissions/roles_sql.hpp"
#include "relay/registry/registry_sql.hpp"

namespace relay {
namespace {

/// How many addresses of an agent or a key are shown.
constexpr int most_addresses = 10;

/// Runs `work` in a read-only transaction and adds the time and the role to its result.
template <typename Work>
auto read(db::Database &database, Work const &work) {
    return database.transact(reading(), [&](db::Transaction &transaction) {
        auto result = work(transaction);
        result.at = transaction.now();
        result.db_role = transaction.db_role();
        return result;
    });
}

}  // namespace

std::vector<std::string> org_sort_fields() { return sql::org_sort_fields(); }
std::vector<std::string> agent_sort_fields() { return sql::agent_sort_fields(); }
std::vector<std::string> key_sort_fields() { return sql::key_sort_fields(); }

ListEnd list_orgs(db::Database &database, ListOrgs const &request, EachItem<Org> const &each) {
    auto const open = [&](db::Transaction &transaction) {
        return sql::list_orgs(transaction,
                              {.like = request.match ? std::optional(db::like_pattern(*request.match)) : std::nullopt,
                               .blocked_only = request.blocked_only,
                               .after = request.page.after,
                               .sort = request.page.sort,
                               .limit = request.page.one_more()});
    };
    return read_list(
        database, request.page, open, [](Org const &org) { return org.org_id.text(); }, each);
}

OrgDetails show_org(db::Database &database, OrgId const &org) {
    return read(database, [&](db::Transaction &transaction) {
        OrgDetails result{.org = sql::get_org(transaction, org)};
        result.standing = sql::standing_for(transaction, {org}).get();
        result.keyless = sql::keyless_calls(transaction, org);
        if (auto const token = sql::live_token(transaction, org)) {
            result.token_id = token->token_id;
            result.token_created_at = token->created_at;
        }
        return result;
    });
}

ListEnd list_agents(db::Database &database, ListAgents const &request, EachItem<Agent> const &each) {
    auto const open = [&](db::Transaction &transaction) {
        if (request.org) {
            sql::get_org(transaction, *request.org);
            if (request.role) {
                sql::get_role(transaction, *request.org, *request.role);
            }
        }
        return sql::list_agents(transaction, {.org = request.org,
                                              .status = request.status,
                                              .surplus = request.surplus,
                                              .key_due = request.key_due,
                                              .unused_for = request.unused_for,
                                              .bearer_since = request.bearer_since,
                                              .role = request.role,
                                              .which = request.which,
                                              .after = request.page.after,
                                              .sort = request.page.sort,
                                              .limit = request.page.one_more()});
    };
    return read_list(
        database, request.page, open, [](Agent const &agent) { return agent.agent_id.text(); }, each);
}

std::function<std::optional<AgentDetails>()> ask_details(db::Transaction &transaction, AgentId const &agent,
                                                         int events) {
    using Events = db::Pending<std::vector<Event>>;
    return [&transaction, asked = sql::ask_agent(transaction, agent), keys = sql::keys_of_agent(transaction, agent),
            standing = sql::standing_for_agent(transaction, agent), address = sql::last_address(transaction, agent),
            grants = sql::grants_of_agent(transaction, agent), roles = sql::roles_of_agent(transaction, agent),
            keyless = sql::ask_keyless_ways(transaction, agent),
            uses = sql::authentications(transaction, agent, most_addresses),
            last = events > 0 ? std::optional<Events>(sql::last_events(transaction, agent, events)) : std::nullopt,
            changes = events > 0 ? std::optional<Events>(sql::last_changes(transaction, agent, events))
                                 : std::nullopt]() -> std::optional<AgentDetails> {
        std::optional<Agent> found = asked.get();
        if (!found) {
            return std::nullopt;
        }
        return AgentDetails{.agent = *std::move(found),
                            .keys = keys.get(),
                            .standing = standing.get(),
                            .events = last ? last->get() : std::vector<Event>(),
                            .changes = changes ? changes->get() : std::vector<Event>(),
                            .authentications = uses.get(),
                            .last_address = address.get(),
                            .grants = grants.get(),
                            .roles = roles.get(),
                            .keyless = keyless.get(),
                            .at = transaction.now(),
                            .db_role = transaction.db_role()};
    };
}

AgentDetails show_agent(db::Database &database, AgentId const &agent, int events) {
    return read(database, [&](db::Transaction &transaction) {
        std::optional<AgentDetails> details = ask_details(transaction, agent, events)();
        if (!details) {
            sql::get_agent(transaction, agent);  // throws, with similar ids
        }
        transaction.require(details.has_value(), "agent " + agent.text());
        details->devices = sql::count_devices(transaction, agent);
        details->registry = sql::registry_entry(transaction, agent);
        return *std::move(details);
    });
}

std::optional<OrgId> org_of_agent(db::Database &database, AgentId const &agent) {
    return database.transact(reading(), [&](db::Transaction &transaction) -> std::optional<OrgId> {
        std::optional<Agent> const found = sql::find_agent(transaction, agent);
        if (!found && !sql::standing_for(transaction, {agent}).get().empty()) {
            return std::nullopt;
        }
        return found ? found->org_id : sql::get_agent(transaction, agent).org_id;  // throws, with similar ids
    });
}

ListEnd list_keys(db::Database &database, ListKeys const &request, EachItem<Key> const &each) {
    auto const open = [&](db::Transaction &transaction) {
        if (request.agent) {
            sql::get_agent(transaction, *request.agent);
        }
        if (request.org) {
            sql::get_org(transaction, *request.org);
        }
        return sql::list_keys(transaction, {.agent = request.agent,
                                            .org = request.org,
                                            .status = request.status,
                                            .live_only = request.live_only,
                                            .newest_first = request.newest_first,
                                            .older_than = request.older_than,
                                            .never_used = request.never_used,
                                            .unused_for = request.unused_for,
                                            .which = request.which,
                                            .after = request.page.after,
                                            .sort = request.page.sort,
                                            .limit = request.page.one_more()});
    };
    return read_list(
        database, request.page, open, [](Key const &key) { return key.key_id.text(); }, each);
}

KeyDetails show_key(db::Database &database, KeyId const &key, int events) {
    return read(database, [&](db::Transaction &transaction) {
        KeyDetails result{.key = sql::get_key(transaction, key)};
        result.standing =
            sql::standing_for(transaction, {result.key.agent_id, result.key.org_id, result.key.key_id}).get();
        result.keyless = sql::ask_keyless_ways(transaction, result.key.agent_id).get();
        if (events > 0) {
            result.events = sql::last_events(transaction, key, events).get();
            result.changes = sql::last_changes(transaction, key, events).get();
        }
        result.authentications = sql::authentications(transaction, key, most_addresses).get();
        return result;
    });
}

KeyVerification verify_key(db::Database &database, ApiKey const &key, std::optional<AgentId> const &agent,
                           std::optional<IpRange> const &address) {
    return read(database, [&](db::Transaction &transaction) {
        sql::Answer const answer = sql::verify_key(transaction, key.id(), key.digest(), agent, address);
        KeyVerification result{.ok = answer.ok,
                               .reason = answer.reason,
                               .org_id = answer.org_id,
                               .agent_id = answer.agent_id,
                               .expires_at = answer.expires_at};
        if (answer.agent_id) {
            result.grants = sql::grants_of_agent(transaction, *answer.agent_id).get();
        }
        return result;
    });
}

}  // namespace relay
