#include "relay/registry/registry.hpp"

#include "relay/identity/agents_sql.hpp"
#include "relay/identity/organizations_sql.hpp"
#include "relay/identity/read_list.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/registry/registry_sql.hpp"

#include <algorithm>

namespace relay {

namespace {

std::string describe(InstanceId const &instance) {
    return instance.text().empty() ? "one without a name" : instance.text();
}

Error several(AgentId const &agent, std::vector<Instance> const &instances) {
    constexpr std::size_t most_named = 5;
    std::string names;
    for (std::size_t at = 0; at < std::min(instances.size(), most_named); ++at) {
        names += (at == 0 ? "" : ", ") + describe(instances[at].instance_id);
    }
    if (instances.size() > most_named) {
        names += ", and " + std::to_string(instances.size() - most_named) + " more";
    }
    return {ErrorKind::conflict,
            "agent " + agent.text() + " has " + std::to_string(instances.size()) + " instances",
            {.why = names, .next = "name one with --instance, or use --all-instances"}};
}

}  // namespace

std::vector<std::string> registered_sort_fields() { return sql::registered_sort_fields(); }

ListEnd list_registered(db::Database &database, ListRegistered const &request, EachItem<RegisteredAgent> const &each) {
    auto const open = [&](db::Transaction &transaction) {
        sql::require_primary(transaction);
        if (request.which.org) {
            sql::get_org(transaction, *request.which.org);
        }
        return sql::list_registered(transaction, request);
    };
    return read_list(
        database, request.page, open, [](RegisteredAgent const &agent) { return agent.agent_id.text(); }, each);
}

RegistrySummary summarize_registry(db::Database &database, WhichRegistered const &which, std::int64_t most_skills) {
    return database.transact(reading(), [&](db::Transaction &transaction) {
        sql::require_primary(transaction);
        if (which.org) {
            sql::get_org(transaction, *which.org);
        }
        RegistrySummary summary = sql::count_registered(transaction, which);
        summary.skills = sql::skill_capacity(transaction, which, most_skills);
        return summary;
    });
}

RegisteredDetails show_registered(db::Database &database, AgentId const &agent) {
    return database.transact(reading(), [&](db::Transaction &transaction) {
        sql::require_primary(transaction);
        sql::get_agent(transaction, agent);
        auto found = sql::find_registered(transaction, agent);
        if (!found) {
            throw Error(ErrorKind::not_found, "agent " + agent.text() + " has never registered",
                        {.why = "the registry has no card of it", .next = advise(Act::show_agent, agent)});
        }
        RegisteredDetails details{.agent = *std::move(found),
                                  .card = sql::card_of(transaction, agent),
                                  .instances = sql::instances_of(transaction, agent)};
        details.at = transaction.now();
        details.db_role = transaction.db_role();
        return details;
    });
}

Unregistered unregister(db::Database &database, AgentId const &agent, std::optional<InstanceId> const &instance,
                        bool all, WriteOptions const &options) {
    return database.transact(writing(options), [&](db::Transaction &transaction) -> Unregistered {
        OrgId const org = sql::get_agent(transaction, agent).org_id;
        if (!instance && !all) {
            std::vector<Instance> const instances = sql::instances_of(transaction, agent);
            if (instances.size() > 1) {
                throw several(agent, instances);
            }
        }
        Unregistered result{{}, org, sql::end_leases(transaction, agent, instance)};
        std::vector<sql::NewEvent> events;
        for (InstanceId const &ended : result.ended) {
            sql::NewEvent event{.action = "agent_unregistered", .org_id = org, .agent_id = agent};
            if (!ended.text().empty()) {
                event.detail.add("instance", ended.text());
            }
            events.push_back(std::move(event));
        }
        std::vector<Instance> const left = sql::instances_of(transaction, agent);
        bool const is_left = std::any_of(
            left.begin(), left.end(), [&](Instance const &one) { return !instance || one.instance_id == *instance; });
        transaction.confirm(!is_left, "the end of the leases of agent " + agent.text(),
                            {"agent " + agent.text() + " may still be found"});
        finish(transaction, result, options.by, events);
        return result;
    });
}

}  // namespace relay
