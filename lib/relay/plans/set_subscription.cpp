#include "relay/plans/set_subscription.hpp"

#include "relay/identity/limits_sql.hpp"
#include "relay/identity/organizations_sql.hpp"
#include "relay/identity/read_list.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/plans/subscriptions_sql.hpp"

#include <algorithm>

namespace relay {
namespace {

bool is_as_requested(Subscription const &now, SetSubscription const &request) {
    return now.state == request.state && (!request.plan || now.plan == *request.plan) &&
           (!request.reference || now.reference == request.reference->text());
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
        sql::SubscriptionVerdict const done = sql::change_subscription(transaction, request, options.by);
        ChangedSubscription result{receipt_of(transaction, done.changed),
                                   sql::get_subscription(transaction, request.org), done.reason};
        transaction.confirm(!done.changed || is_as_requested(result.subscription, request),
                            "the subscription of org " + request.org.text());
        Org const org = sql::get_org(transaction, request.org);
        result.surplus = std::max<std::int64_t>(0, org.agents - org.agent_limit.value_or(org.agents));
        if (!done.changed && done.reason != SubscriptionReason::unchanged) {
            transaction.nothing_to_do();
        }
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
