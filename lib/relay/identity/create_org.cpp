#include "relay/identity/create_org.hpp"

#include "relay/identity/create_parts.hpp"
#include "relay/identity/events_sql.hpp"
#include "relay/identity/keys_sql.hpp"
#include "relay/identity/limits_sql.hpp"
#include "relay/identity/org_tokens_sql.hpp"
#include "relay/identity/organizations_sql.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/model/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace relay {
namespace {

constexpr std::int64_t most_named = 3;

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
    for (std::string const &field : differing_limits(before.limits, after.limits)) {
        add_if(true, field.c_str());
    }
    add_if(before.providers != after.providers, "providers");
    add_if(before.key_max_age != after.key_max_age, "key_max_age");
    add_if(before.auth_mode != after.auth_mode, "auth_mode");
    return fields;
}

Org as_updated(Org org, UpdateOrg const &request) {
    OrgSettings const &settings = request.settings;
    org.name = request.name ? request.name->text() : org.name;
    org.plan = settings.plan.value_or(org.plan);
    org.limits = changed_limits(std::move(org.limits), settings.limits);
    org.providers = settings.providers.value_or(org.providers);
    org.key_max_age = settings.key_max_age || settings.no_key_max_age ? settings.key_max_age : org.key_max_age;
    org.auth_mode = settings.auth_mode.value_or(org.auth_mode);
    return org;
}

/// Whether the request may leave agents without a seat.
bool may_take_seats(UpdateOrg const &request) {
    return request.settings.plan || std::any_of(request.settings.limits.begin(), request.settings.limits.end(),
                                                [](LimitChange const &one) { return one.meter == Meter::agents; });
}

SeatLoss loss_of_seats(db::Transaction &transaction, OrgId const &org, std::optional<std::int64_t> seats_before) {
    SeatLoss loss{.lost = sql::note_lost_seats(transaction, org, seats_before)};
    if (loss.lost > 0) {
        std::int64_t const seats = sql::seats_of(transaction, org).value_or(0);
        for (sql::SeatedAgent &one : sql::first_seats(transaction, org, std::min<std::int64_t>(seats, most_named))) {
            loss.oldest_stays = loss.oldest_stays || one.is_oldest;
            loss.staying.push_back(std::move(one.agent_id));
        }
    }
    return loss;
}

void refuse_other_loss(UpdateOrg const &request, SeatLoss const &loss) {
    if (request.expect && loss.lost != *request.expect) {
        throw Error(ErrorKind::conflict,
                    fmt::format("{} would lose their seat, not {}; nothing was changed", counted(loss.lost, "agent"),
                                *request.expect),
                    {.next = advise(Act::list_seats, request.id)});
    }
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
        if (request.settings.plan) {
            sql::require_plan(transaction, *request.settings.plan);
        }
        sql::update_org(transaction, request.id, request.name, request.settings);
        if (may_take_seats(request)) {
            sql::hold_plan_of(transaction, request.id);
        }
        UpdatedOrg result{receipt_of(transaction, false), sql::get_org(transaction, request.id)};
        transaction.confirm(differing_fields(as_updated(before, request), result.org).empty(),
                            "the update of org " + request.id.text());
        result.fields = differing_fields(before, result.org);
        if (may_take_seats(request)) {
            result.seats = loss_of_seats(transaction, request.id, before.agent_limit);
        }
        if (!result.fields.empty()) {  // a repeated call finds the seats lost already
            refuse_other_loss(request, result.seats);
        }
        if (before.auth_mode == AuthMode::optional && result.org.auth_mode == AuthMode::required) {
            result.keyless = sql::keyless_calls(transaction, request.id);
        }
        if (before.auth_mode != result.org.auth_mode || result.seats.lost > 0 ||
            sql::rates_differ(before.limits, result.org.limits)) {
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
