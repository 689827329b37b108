#include "relay/plans/set_subscription.hpp"

#include "relay/identity/limits_sql.hpp"
#include "relay/identity/organizations_sql.hpp"
#include "relay/identity/read_list.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/model/format_text.hpp"
#include "relay/model/text.hpp"
#include "relay/plans/subscriptions_sql.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace relay {
namespace {

constexpr std::chrono::minutes most_ahead{5};  // as relay.change_subscription

bool is_as_requested(Subscription const &now, SetSubscription const &request) {
    return now.state == request.state && (!request.plan || now.plan == *request.plan) &&
           (!request.reference || now.reference == request.reference->text());
}

bool ends_as_requested(Subscription const &now, SetSubscription const &request) {
    if (auto const *const duration = std::get_if<std::chrono::seconds>(&request.ends)) {
        return now.ends_at && now.said_at && *now.ends_at == *now.said_at + *duration;
    }
    auto const *const at = std::get_if<Instant>(&request.ends);
    return at != nullptr ? now.ends_at == *at : !now.ends_at;
}

/// Returns when the same request was made before, if it was: its duration began then, and does not begin anew.
std::optional<Instant> repeated_from(Subscription const &stored, SetSubscription const &request) {
    auto const *const duration = std::get_if<std::chrono::seconds>(&request.ends);
    bool const repeats = duration != nullptr && !request.said_at && is_as_requested(stored, request) &&
                         ends_as_requested(stored, request);
    return repeats ? stored.said_at : std::nullopt;
}

void refuse_a_time_ahead(SetSubscription const &request, Instant now) {
    if (request.said_at && *request.said_at > now + most_ahead) {
        throw Error(ErrorKind::usage,
                    fmt::format("--said-at is {}, but it is only {}", format_instant_seconds(*request.said_at),
                                format_instant_seconds(now)),
                    {.why = "until that time, each true change would be older than this one, and count for nothing",
                     .next = "give the time when the change happened, at most 5 minutes ahead; or omit --said-at"});
    }
}

void refuse_other_loss(SetSubscription const &request, std::int64_t lost) {
    if (request.expect && lost != *request.expect) {
        throw Error(ErrorKind::conflict,
                    fmt::format("{} would lose their seat, not {}; nothing was changed", counted(lost, "agent"),
                                *request.expect),
                    {.next = advise(Act::list_seats, request.org)});
    }
}

}  // namespace

ChangedSubscription set_subscription(db::Database &database, SetSubscription const &request,
                                     WriteOptions const &options) {
    return database.transact(writing(options), [&](db::Transaction &transaction) {
        sql::lock_org(transaction, request.org);
        sql::get_org(transaction, request.org);
        if (request.plan) {
            sql::require_plan(transaction, *request.plan);
        }
        refuse_a_time_ahead(request, transaction.now());
        Subscription const before = sql::get_subscription(transaction, request.org);
        SetSubscription asked = request;
        if (auto const said_at = repeated_from(before, request)) {
            asked.said_at = said_at;
        }
        sql::SubscriptionVerdict const done = sql::change_subscription(transaction, asked, options.by);
        ChangedSubscription result{receipt_of(transaction, done.changed),
                                   sql::get_subscription(transaction, request.org), done.reason, done.lost_seats};
        // If this one ends, another one of the organization may count from now on.
        bool const is_another = request.reference && result.subscription.reference != request.reference->text();
        transaction.confirm(
            !done.changed || is_another ||
                (is_as_requested(result.subscription, request) && ends_as_requested(result.subscription, request)),
            "the subscription of org " + request.org.text());
        if (done.changed) {  // a repeated call finds the seats lost already
            refuse_other_loss(request, done.lost_seats);
            if (done.lost_seats > 0) {
                transaction.expect_announcement();
            }
            result.end_before = before.ends_at == result.subscription.ends_at ? std::nullopt : before.ends_at;
        }
        Org const org = sql::get_org(transaction, request.org);
        result.surplus = std::max<std::int64_t>(0, org.agents - org.agent_limit.value_or(org.agents));
        return result;
    });
}

SubscriptionDetails show_subscription(db::Database &database, OrgId const &org) {
    return database.transact(reading(), [&](db::Transaction &transaction) {
        return SubscriptionDetails{.subscription = sql::get_subscription(transaction, org),
                                   .at = transaction.now(),
                                   .db_role = transaction.db_role()};
    });
}

std::vector<std::string> subscription_sort_fields() { return sql::subscription_sort_fields(); }

ListEnd list_subscriptions(db::Database &database, ListSubscriptions const &request,
                           EachItem<Subscription> const &each) {
    auto const open = [&](db::Transaction &transaction) {
        return sql::list_subscriptions(transaction, {.state = request.state,
                                                     .ending_within = request.ending_within,
                                                     .after = request.page.after,
                                                     .sort = request.page.sort,
                                                     .limit = request.page.one_more()});
    };
    return read_list(
        database, request.page, open, [](Subscription const &one) { return one.org_id.text(); }, each);
}

}  // namespace relay
