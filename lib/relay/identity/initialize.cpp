#include "relay/identity/initialize.hpp"

#include "relay/crypto/random_ids.hpp"
#include "relay/identity/agents_sql.hpp"
#include "relay/identity/create_parts.hpp"
#include "relay/identity/organizations_sql.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/schema/schema_sql.hpp"

namespace relay {

Initialized initialize(db::Database &database, Initialize const &request, WriteOptions const &options,
                       KeyDelivery &delivery) {
    DeliverThenCommit delivery_commit(&delivery, options);
    ApiKey const key = ApiKey::generate(KeyType::agent);
    AgentId const fresh_id = request.agent_id ? *request.agent_id : generate_agent_id();
    db::TransactOptions transact = writing(options);
    transact.check_schema = false;
    auto result = delivery_commit.run(database, transact, [&](db::Transaction &transaction) -> Initialized {
        std::vector<int> migrations = sql::apply_pending(transaction);
        bool const made_org = ensure_org(transaction, request.org, options.by);
        if (made_org && sql::has_other_orgs(transaction, request.org.id)) {
            throw Error(ErrorKind::conflict, "the database already has other organizations; nothing was changed",
                        {.why = "init is for the first one", .next = advise(Act::create_orgs_and_agents)});
        }
        // If the caller gives no id, a repeat finds the agent by its name, so that it does not create a second one.
        auto const known =
            request.agent_id ? std::nullopt : sql::find_agent_by_name(transaction, request.org.id, request.agent_name);
        CreateAgent const agent{.id = known.value_or(fresh_id),
                                .org = request.org.id,
                                .name = request.agent_name,
                                .permissions = request.permissions};
        bool const made_agent = ensure_agent(transaction, agent, key, options.by, delivery_commit).has_value();
        bool const changed = made_org || made_agent || !migrations.empty();
        Org org = sql::get_org(transaction, request.org.id);
        CreatedAgent created{receipt_of(transaction, changed), sql::get_agent(transaction, agent.id),
                             present_key(transaction, agent.id)};
        if (!migrations.empty()) {
            transaction.confirm(sql::read_schema_status(transaction).missing.empty(), "the schema");
        }
        if (made_agent) {
            delivery_commit.deliver(transaction);
        } else if (!changed) {
            transaction.nothing_to_do();
        }
        return {std::move(created), std::move(org), std::move(migrations)};
    });
    result.delivered_to = delivery_commit.destination();
    if (auto const &confirmed = delivery_commit.confirmed()) {
        result.key = confirmed->key;
    }
    return result;
}

}  // namespace relay
