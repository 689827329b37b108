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
    other_subscription,  ///< it is about one that was replaced: the stored one has another reference, and is active
};

template <>
struct EnumText<SubscriptionReason> {
    static constexpr auto words =
        std::to_array<EnumWord<SubscriptionReason>>({{SubscriptionReason::ok, "ok"},
                                                     {SubscriptionReason::stale, "stale"},
                                                     {SubscriptionReason::unchanged, "unchanged"},
                                                     {SubscriptionReason::other_subscription, "other_subscription"}});
};

/// A time, or a duration from the database's present.
using PlanEnd = std::variant<std::monostate, Instant, std::chrono::seconds>;

struct SetSubscription {
    OrgId org;
    SubscriptionState state{};
    PlanEnd ends{};  ///< given exactly if the state is not active
    std::optional<PlanId> plan{};  ///< none: as before
    std::optional<Note> reference{};  ///< none: as before
    std::optional<Instant> said_at{};  ///< none: now
};

struct ChangedSubscription : WriteReceipt {
    Subscription subscription;
    SubscriptionReason reason{};
    std::int64_t surplus = 0;  ///< agents without a seat now
};
/// Sets the subscription of an organization, unless what is stored is newer. Throws Error: not_found, no such
/// organization; usage, no such plan.
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
