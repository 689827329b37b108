#include "cli/audit/event_flags.hpp"
#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/plan.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/output/command_text.hpp"
#include "cli/output/output.hpp"
#include "relay/model/error.hpp"
#include "relay/model/format_text.hpp"
#include "relay/model/text.hpp"

#include <fmt/format.h>

#include <memory>

namespace relay::cli::commands {

namespace {

struct Options {
    SpelledId org{};
    std::optional<std::string> state{};
    std::optional<std::string> ends{};
    std::optional<std::string> plan{};
    std::optional<std::string> reference{};
    std::optional<Instant> said_at{};
};

/// Reads a time, or a duration from now: only a time has a `-` inside.
PlanEnd parse_end(std::string const &text) {
    try {
        if (text.find('-') != text.npos && text.front() != '-') {
            return parse_instant(text);
        }
        return parse_duration(text);
    } catch (Error const &error) {
        throw Error(error.kind(), "--ends: " + error.message(),
                    {.why = error.hint().why, .next = "as in --ends 14d, or --ends 2026-12-01T00:00:00Z"});
    }
}

SetSubscription read(Options const &options) {
    SetSubscription request{.org = OrgId::parse(options.org.required()),
                            .state = from_text<SubscriptionState>(options.state.value()).value(),
                            .said_at = options.said_at};
    bool const ends = request.state != SubscriptionState::active;
    if (ends != options.ends.has_value()) {
        throw Error(
            ErrorKind::usage,
            ends ? fmt::format("--state {} needs --ends", text_of(request.state))
                 : std::string("--state active and --ends cannot be used together"),
            {.why =
                 ends
                     ? "a plan that is past_due ends after its grace, and a cancelled one after the period that is paid"
                     : "an active subscription does not end",
             .next = ends ? "add --ends TIME, or a duration such as --ends 14d"
                          : "omit --ends, or give --state past_due or cancelled"});
    }
    if (options.ends) {
        request.ends = parse_end(*options.ends);
    }
    if (options.plan) {
        request.plan = PlanId::parse(*options.plan);
    }
    if (options.reference) {
        request.reference = Note::parse("reference", *options.reference);
    }
    return request;
}

ExitStatus run(Options const &options, Context &context) {
    SetSubscription const request = read(options);
    ChangedSubscription const done = set_subscription(context.database(), request, context.write_options());
    Document document{.kind = "SubscriptionChange", .id_key = "org_id"};
    document.data = subscription_record(done.subscription);
    document.data.push_back({"reason", "Reason", done.reason});
    document.data.push_back({"surplus", "No seat", done.surplus});
    stamp(document, context, done);
    if (done.reason == SubscriptionReason::stale) {
        document.warnings.push_back("stale: the stored state is from " +
                                    format_instant_seconds(done.subscription.said_at.value_or(Instant())) +
                                    ", and nothing was changed");
    }
    if (done.reason == SubscriptionReason::other_subscription) {
        document.warnings.push_back(
            fmt::format("other_subscription: the active subscription is {}, not {}, and nothing was changed",
                        done.subscription.reference.value_or(""), request.reference ? request.reference->text() : ""));
    }
    if (done.changed && done.surplus > 0) {
        document.warnings.push_back(
            fmt::format("{} without a seat: gateways refuse them with over_limit; to see which: {}",
                        done.surplus == 1 ? "1 agent is" : std::to_string(done.surplus) + " agents are",
                        command_line(context.globals(), {"org", "seats", request.org.text()})));
    }
    context.output().show(document);
    if (done.reason == SubscriptionReason::unchanged) {
        context.output().note("nothing changed: the subscription of organization " + request.org.text() +
                              " is already as requested");
    }
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_org(set, options->org);
    add_choice(set,
               {.names = "--state", .type = "STATE", .description = "active, past_due or cancelled", .required = true},
               all_texts<SubscriptionState>(), options->state);
    add_value(set,
              {.names = "--ends", .type = "TIME|DURATION", .description = "when the plan becomes free: a time, or 14d"},
              options->ends);
    add_value(set, {.names = "--plan", .type = "PLAN", .description = "the plan until then (default: as before)"},
              options->plan);
    add_value(set,
              {.names = "--ref",
               .type = "ID",
               .description = "id of the subscription in the billing system (default: as before)"},
              options->reference);
    add_instant(set, {.names = "--said-at", .description = "when the change happened there (default: now)"},
                options->said_at);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const subscription_set;
Command const subscription_set{
    .path = "subscription set",
    .summary = "set the subscription of an organization",
    .doc =
        R"(Sets what the billing system says about the plan of an organization. An active subscription does not end.
With past_due, the plan ends after a grace, and with cancelled, at the end of the paid period: --ends says when. From
then on the organization is on plan free. The database's clock decides that, and no process must run for it.

While the state is past_due or cancelled, all that exists continues to work. A new agent must also fit plan free; else
`agent create` exits 6.

Events of a billing system may arrive twice, or late. So --said-at says when the change happened. If the stored state is
of a later time, nothing changes, and a warning says "stale". If an active subscription has another --ref, it has
replaced this one. Then past_due or cancelled changes nothing, and a warning says "other_subscription".

Agents that exist never make the command refuse: a warning counts those without a seat.

Exit 0: set, already as requested, or another change is in force ("changed": false). 2: --ends is missing, or given for an active
subscription; no such plan. 3: no such organization.

EXAMPLES
  relay-admin subscription set acme-corp --state active --plan paid --ref sub_1Pq
  # the payment failed: 14 days of grace
  relay-admin subscription set acme-corp --state past_due --ends 14d
  relay-admin subscription set acme-corp --state cancelled --ends 2027-01-01T00:00:00Z
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::commands
