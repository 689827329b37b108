#include "relay/identity/create_org.hpp"

#include "relay/identity/create_parts.hpp"
#include "relay/identity/events_sql.hpp"
#include "relay/identity/keys_sql.hpp"
#include "relay/identity/org_tokens_sql.hpp"
#include "relay/identity/organizations_sql.hpp"
#include "relay/identity/use_case.hpp"

namespace relay {
namespace {

/// Issues a new admin token and revokes the live one, if any.
void issue_token(db::Transaction &transaction, OrgId const &org, ApiKey const &token, Attribution const &by,
                 DeliverThenCommit &delivery_commit) {
    if (auto const old = sql::revoke_live_token(transaction, org)) {
        sql::record_events(transaction, by, {{.action = "token_revoked", .org_id = org, .key_id = *old}});
    }
    sql::insert_token(transaction, token.id(), token.hash(), org, by.actor);
    auto const live = sql::live_token(transaction, org);
    transaction.confirm(live && live->token_id == token.id() && sql::identify(transaction, token.id(), token.hash()),
                        "the new admin token of org " + org.text());
    sql::record_events(transaction, by, {{.action = "token_issued", .org_id = org, .key_id = token.id()}});
    transaction.record_operation(delivery_commit.prepare({.org = org, .agent = nullptr, .key = token}));
}

std::optional<ApiKey> new_token(KeyDelivery const *delivery) {
    return delivery != nullptr ? std::optional(ApiKey::generate(KeyType::org_admin)) : std::nullopt;
}

std::vector<std::string> differing_fields(Org const &before, Org const &after) {
    std::vector<std::string> fields;
    auto const add_if = [&](bool differs, char const *name) {
        if (differs) {
            fields.emplace_back(name);
        }
    };
    add_if(before.name != after.name, "name");
    add_if(before.plan != after.plan, "plan");
    add_if(before.max_agents != after.max_agents, "max_agents");
    add_if(before.key_max_age != after.key_max_age, "key_max_age");
    add_if(before.auth_mode != after.auth_mode, "auth_mode");
    return fields;
}

Org as_updated(Org org, UpdateOrg const &request) {
    OrgSettings const &settings = request.settings;
    org.name = request.name ? request.name->text() : org.name;
    org.plan = settings.plan.value_or(org.plan);
    org.max_agents = settings.max_agents ? settings.max_agents : org.max_agents;
    org.key_max_age = settings.key_max_age || settings.no_key_max_age ? settings.key_max_age : org.key_max_age;
    org.auth_mode = settings.auth_mode.value_or(org.auth_mode);
    return org;
}

}  // namespace

CreatedOrg create_org(db::Database &database, CreateOrg const &request, WriteOptions const &options,
                      KeyDelivery *token) {
    DeliverThenCommit delivery_commit(token, options);
    std::optional<ApiKey> const key = new_token(token);
    return delivery_commit.run(database, writing(options), [&](db::Transaction &transaction) {
        bool const made = ensure_org(transaction, request, options.by);
        if (made && key) {
            issue_token(transaction, request.id, *key, options.by, delivery_commit);
        }
        CreatedOrg result{receipt_of(transaction, made), sql::get_org(transaction, request.id)};
        if (!made) {
            transaction.nothing_to_do();
        } else if (key) {
            result.token = key->id();
            delivery_commit.deliver(transaction);
        }
        return result;
    });
}

UpdatedOrg update_org(db::Database &database, UpdateOrg const &request, WriteOptions const &options,
                      KeyDelivery *token) {
    DeliverThenCommit delivery_commit(token, options);
    std::optional<ApiKey> const key = new_token(token);
    return delivery_commit.run(database, writing(options), [&](db::Transaction &transaction) {
        sql::lock_org(transaction, request.id);
        Org const before = sql::get_org(transaction, request.id);
        sql::update_org(transaction, request.id, request.name, request.settings);
        UpdatedOrg result{receipt_of(transaction, false), sql::get_org(transaction, request.id)};
        transaction.confirm(differing_fields(as_updated(before, request), result.org).empty(),
                            "the update of org " + request.id.text());
        result.fields = differing_fields(before, result.org);
        if (before.auth_mode == AuthMode::optional && result.org.auth_mode == AuthMode::required) {
            result.keyless = sql::keyless_calls(transaction, request.id);
        }
        if (before.auth_mode != result.org.auth_mode) {
            transaction.expect_announcement();
        }
        if (!result.fields.empty()) {
            sql::Detail detail;
            for (std::string const &field : result.fields) {
                detail.add(field, "changed");
            }
            sql::record_events(transaction, options.by,
                               {{.action = "org_updated", .org_id = request.id, .detail = detail}});
        }
        if (key) {
            issue_token(transaction, request.id, *key, options.by, delivery_commit);
            result.token = key->id();
        }
        result.changed = !result.fields.empty() || key;
        if (!result.changed) {
            transaction.nothing_to_do();
        } else if (key) {
            delivery_commit.deliver(transaction);
        }
        return result;
    });
}

}  // namespace relay
