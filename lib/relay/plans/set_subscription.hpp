#pragma once

#include "relay/db/database.hpp"
#include "relay/model/attribution.hpp"
#include "relay/model/page.hpp"
#include "relay/plans/records.hpp"

#include <variant>

/// Subscriptions: what a billing system says about the plan of an organization.
namespace relay {

/// Why a subscription was changed, or not, as relay_api.set_subscription says it.
enum class SubscriptionReason {
    ok,
    stale,  ///< the stored state is of a later time
    unchanged,
    other_subscription,  ///< noted, but another one of the organization counts: see relay.said_subscription
};

template <>
struct EnumText<SubscriptionReason> {
    static constexpr auto words =
        std::to_array<EnumWord<SubscriptionReason>>({{SubscriptionReason::ok, "ok"},
                                                     {SubscriptionReason::stale, "stale"},
                                                     {SubscriptionReason::unchanged, "unchanged"},
                                                     {SubscriptionReason::other_subscription, "other_subscription"}});
};

/// A time, or a duration from when the change happened.
using PlanEnd = std::variant<std::monostate, Instant, std::chrono::seconds>;

struct SetSubscription {
    OrgId org;
    SubscriptionState state{};
    PlanEnd ends{};  ///< given exactly if the state is not active
    std::optional<PlanId> plan{};  ///< none: as before
    std::optional<Note> reference{};  ///< none: as before
    std::optional<Instant> said_at{};  ///< at most 5 minutes ahead of the database; none: now
    std::optional<std::int64_t> expect{};  ///< how many agents must lose their seat by it; none: any number
};

struct ChangedSubscription : WriteReceipt {
    Subscription subscription;
    SubscriptionReason reason{};
    std::int64_t lost = 0;  ///< agents that lost their seat by it
    std::int64_t surplus = 0;  ///< agents without a seat now
    std::optional<Instant> end_before{};  ///< if it moved the end
};
/// Sets the subscription of an organization, unless what is stored is newer. A request with a duration that is repeated
/// moves no end. Throws Error: not_found, no such organization; usage, no such plan, or said_at is ahead; conflict,
/// `expect` differs.
ChangedSubscription set_subscription(db::Database &database, SetSubscription const &request,
                                     WriteOptions const &options);

struct SubscriptionDetails {
    Subscription subscription;
    Instant at{};
    std::string db_role{};
};
/// Throws Error: not_found, with similar ids.
SubscriptionDetails show_subscription(db::Database &database, OrgId const &org);

struct ListSubscriptions {
    std::optional<SubscriptionState> state{};
    std::optional<std::chrono::seconds> ending_within{};  ///< only those that end within this time
    PageRequest page{};
};
std::vector<std::string> subscription_sort_fields();
ListEnd list_subscriptions(db::Database &database, ListSubscriptions const &request,
                           EachItem<Subscription> const &each);

}  // namespace relay
