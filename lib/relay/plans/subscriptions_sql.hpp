#pragma once

#include "relay/db/order_by.hpp"
#include "relay/db/row_stream.hpp"
#include "relay/db/transaction.hpp"
#include "relay/model/attribution.hpp"
#include "relay/plans/records.hpp"
#include "relay/plans/set_subscription.hpp"

namespace relay::sql {

/// How relay.change_subscription decided.
struct SubscriptionVerdict {
    bool changed = false;
    SubscriptionReason reason{};
    std::int64_t lost_seats = 0;
};
SubscriptionVerdict change_subscription(db::Transaction &transaction, SetSubscription const &request,
                                        Attribution const &by);

/// Throws Error (not_found) if there is no such organization.
Subscription get_subscription(db::Transaction &transaction, OrgId const &org);

struct SubscriptionFilter {
    std::optional<SubscriptionState> state{};
    std::optional<std::chrono::seconds> ending_within{};
    std::optional<std::string> after{};
    std::vector<SortField> sort{};
    std::optional<std::int64_t> limit{};
};
std::vector<std::string> subscription_sort_fields();
db::Stream<Subscription> list_subscriptions(db::Transaction &transaction, SubscriptionFilter const &filter);

}  // namespace relay::sql
