#include "cli/command.hpp"

namespace relay::cli::subscription_command {

extern Command const command{
    .path = "subscription",
    .summary = "set, show and list the subscriptions of organizations",
    .doc =
        R"(A subscription says when the plan of an organization ends. The billing system usually sets it, with
relay_api.set_subscription; these commands do the same by hand. An organization without a subscription keeps its plan.
relay-admin-plans(7) has more.
)",
    .audience = Audience::tenants,
};

}  // namespace relay::cli::subscription_command
