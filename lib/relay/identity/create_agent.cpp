#include "relay/identity/create_agent.hpp"

#include "relay/identity/agent_permissions_sql.hpp"
#include "relay/identity/agents_sql.hpp"
#include "relay/identity/create_parts.hpp"
#include "relay/identity/events_sql.hpp"
#include "relay/identity/permission_events.hpp"
#include "relay/identity/public_keys_sql.hpp"
#include "relay/identity/use_case.hpp"

namespace relay {
namespace {

sql::AgentFields fields_after(Agent const &before, UpdateAgent const &request) {
    return {
        .name = request.name ? request.name->text() : before.name,
        .key_max_age = request.default_key_max_age ? std::nullopt
                       : request.key_max_age       ? request.key_max_age
                                                   : before.key_max_age,
        .owner = request.no_owner ? std::nullopt
                 : request.owner  ? request.owner
                                  : before.owner,
        .labels = changed_labels(before.labels, request.labels, request.remove_labels),
        .owner_user_id = request.no_owner_user   ? std::nullopt
                         : request.owner_user_id ? request.owner_user_id
                                                 : before.owner_user_id,
    };
}

}  // namespace

CreatedAgent create_agent(db::Database &database, CreateAgent const &request, WriteOptions const &options,
                          KeyDelivery *delivery) {
    if (delivery == nullptr && !request.public_key) {
        throw Error(ErrorKind::usage, "create_agent needs a delivery for the key that it generates");
    }
    DeliverThenCommit delivery_commit(delivery, options);
    ApiKey const key = ApiKey::generate(KeyType::agent);  // for a public key, only its id counts
    auto result = delivery_commit.run(database, writing(options), [&](db::Transaction &transaction) -> CreatedAgent {
        if (request.public_key) {
            sql::refuse_known_public_key(transaction, *request.public_key, request.id);
        }
        auto made = ensure_agent(transaction, request, key, options.by, delivery_commit);
        WriteReceipt const receipt = receipt_of(transaction, made.has_value());
        if (!made) {
            transaction.nothing_to_do();
            return {receipt, sql::get_agent(transaction, request.id), present_key(transaction, request.id)};
        }
        delivery_commit.deliver(transaction);
        return {receipt, std::move(made->agent), std::move(made->key)};
    });
    result.delivered_to = delivery_commit.destination();
    if (auto const &confirmed = delivery_commit.confirmed()) {
        result.key = confirmed->key;
    }
    return result;
}

UpdatedAgent update_agent(db::Database &database, UpdateAgent const &request, WriteOptions const &options) {
    return database.transact(writing(options), [&](db::Transaction &transaction) {
        Agent const before = sql::lock_agent(transaction, request.id);
        UpdatedAgent result{{}, before};
        Holder const holder{.org_id = before.org_id, .agent_id = before.agent_id};
        std::vector<sql::NewEvent> events =
            granted_events(holder, sql::grant(transaction, result.agent, request.add_permissions, GrantTerms()));
        auto taken = revoked_events(holder, sql::revoke(transaction, result.agent, request.remove_permissions));
        std::move(taken.begin(), taken.end(), std::back_inserter(events));
        sql::AgentFields const fields = fields_after(before, request);
        sql::update_agent(transaction, request.id, fields);
        std::vector<std::string> const permissions = std::move(result.agent.permissions);
        result.agent = sql::get_agent(transaction, request.id);
        transaction.confirm(result.agent.name == fields.name && result.agent.key_max_age == fields.key_max_age &&
                                result.agent.owner == fields.owner && result.agent.labels == fields.labels &&
                                result.agent.owner_user_id == fields.owner_user_id &&
                                result.agent.permissions == permissions,
                            "the update of agent " + request.id.text());
        if (before.permissions != result.agent.permissions) {
            transaction.expect_announcement();
        }
        sql::Detail detail;
        auto const note_if = [&](bool differs, char const *field) {
            if (differs) {
                result.fields.emplace_back(field);
                detail.add(field, "changed");
            }
        };
        note_if(before.name != result.agent.name, "name");
        note_if(before.permissions != result.agent.permissions, "permissions");
        note_if(before.key_max_age != result.agent.key_max_age, "key_max_age");
        note_if(before.owner != result.agent.owner, "owner");
        note_if(before.labels != result.agent.labels, "labels");
        note_if(before.owner_user_id != result.agent.owner_user_id, "owner_user_id");
        result.changed = !result.fields.empty();
        note_who(result, transaction);
        if (!result.changed) {
            transaction.nothing_to_do();
            return result;
        }
        events.insert(
            events.begin(),
            {.action = "agent_updated", .org_id = before.org_id, .agent_id = before.agent_id, .detail = detail});
        sql::record_events(transaction, options.by, events);
        return result;
    });
}

}  // namespace relay
