#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/command_line/shared_flags.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/plan.hpp"
#include "cli/output/redraw.hpp"

#include <memory>

namespace relay::cli::subscription_list_command {

namespace {

struct Options {
    std::optional<std::string> state{};
    std::optional<std::chrono::seconds> ending_within{};
    PageOptions page{};
};

ExitStatus run(Options const &options, Context &context) {
    ListSubscriptions const request{.state = from_optional_text<SubscriptionState>(options.state),
                                    .ending_within = options.ending_within,
                                    .page = page_request(options.page, subscription_sort_fields())};
    browse_list(
        context, options.page.view, "SubscriptionList", "org_id", sample_subscription(), subscription_record,
        [&](EachItem<Subscription> const &each) { return list_subscriptions(context.database(), request, each); });
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_choice(set,
               {.names = "--state", .type = "STATE", .description = "only this state: active, past_due or cancelled"},
               all_texts<SubscriptionState>(), options->state);
    add_duration(set, {.names = "--ending-within", .description = "only subscriptions that end within this time"},
                 options->ending_within);
    declare_page(set, subscription_sort_fields(), options->page);
    return [options](Context &context) {
        return redraw(context, options->page.view.watch, [&] { return run(*options, context); });
    };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "subscription list",
    .summary = "list subscriptions",
    .doc =
        R"(Lists the organizations that have a subscription, by id, with its state, its plan, and when it ends.
--ending-within lists those that end soon, and not those that have ended. The command shows at most 1000 subscriptions;
--all shows all. In JSON, "next" is the cursor for --after (null at the end).

It also works on a standby.

Exit 0: listed, even if the list is empty.

EXAMPLES
  relay-admin subscription list --state past_due
  # those that end within a week, the first ones first
  relay-admin subscription list --ending-within 7d --sort ends_at
)",
    .declare = declare,
};

}  // namespace relay::cli::subscription_list_command
