#include "cli/audit/event_flags.hpp"
#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/plan.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/output/command_text.hpp"
#include "cli/output/output.hpp"
#include "cli/plans/limit_flags.hpp"
#include "cli/plans/lost_seats.hpp"
#include "relay/model/error.hpp"
#include "relay/model/format_text.hpp"
#include "relay/model/text.hpp"

#include <fmt/format.h>

#include <memory>

namespace relay::cli::subscription_set_command {

namespace {

struct Options {
    SpelledId org{};
    std::optional<std::string> state{};
    std::optional<std::string> ends{};
    std::optional<std::string> plan{};
    std::optional<std::string> reference{};
    std::optional<Instant> said_at{};
    std::optional<std::int64_t> expect{};
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
                            .said_at = options.said_at,
                            .expect = options.expect};
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

/// Asks before agents lose their seats. An end in the future takes none now.
void confirm_losses(SetSubscription &request, Context &context) {
    if (!must_ask_for_seats(context, request.expect)) {
        return;
    }
    WriteOptions trial = context.write_options();
    trial.dry_run = true;
    ChangedSubscription const found = set_subscription(context.database(), request, trial);
    if (found.lost > 0) {
        std::string const loss =
            fmt::format("{} of organization {} would lose their seat", counted(found.lost, "agent"), request.org);
        request.expect = ask_for_seats(
            context, loss,
            fmt::format(
                "{}: plan {} is in force then; gateways refuse them from the next minute on; nothing is deleted.", loss,
                found.subscription.plan_in_force),
            found.lost, advise(Act::list_seats, request.org));
    }
}

ExitStatus run(Options const &options, Context &context) {
    SetSubscription request = read(options);
    confirm_losses(request, context);
    ChangedSubscription const done = set_subscription(context.database(), request, context.write_options());
    Document document{.kind = "SubscriptionChange", .id_key = "org_id"};
    document.data = subscription_record(done.subscription);
    document.data.push_back({"reason", "Reason", done.reason});
    document.data.push_back({"surplus", "No seat", done.surplus});
    stamp(document, context, done);
    if (done.reason == SubscriptionReason::stale) {
        document.warnings.push_back(fmt::format(
            "stale: the stored state is from {}, and nothing was changed; --said-at says when a change happened",
            format_instant_seconds(done.subscription.said_at.value_or(Instant()))));
    }
    if (request.reference && done.reason != SubscriptionReason::stale &&
        done.subscription.reference != request.reference->text()) {
        document.warnings.push_back(
            fmt::format("other_subscription: the change of {} is noted, but {} counts, which is {}", *request.reference,
                        done.subscription.reference.value_or(""), text_of(*done.subscription.state)));
    }
    if (done.end_before && done.subscription.ends_at) {
        document.warnings.push_back(fmt::format("the end moved from {} to {}", format_instant_seconds(*done.end_before),
                                                format_instant_seconds(*done.subscription.ends_at)));
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
    add_expected_losses(set, options->expect);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "subscription set",
    .summary = "set the subscription of an organization",
    .doc =
        R"(Sets what the billing system says about the plan of an organization. An active subscription does not end.
With past_due, the plan ends after a grace, and with cancelled, at the end of the paid period: --ends says when. From
then on the organization is on plan free. The database's clock decides that, and no process must run for it.

While the state is past_due or cancelled, all that exists continues to work. A new agent must also fit plan free; else
`agent create` exits 6.

Events of a billing system may arrive twice, or late. So --said-at says when the change happened. A duration counts
from then. If the stored state is of a later time, nothing changes, and a warning says "stale". The same --ends 14d again
moves no end.

An organization may have several subscriptions: one that replaces another begins before the other ends. While one of them
is active, it counts. Else the one that ends last counts. A change of another --ref is noted, and a warning says
"other_subscription". A change without --ref concerns all of them.

If the plan ends now, or is smaller, agents may lose their seat. The command says how many, and asks. In a script, give
--expect N, the number of agents that lose their seat. If another number would lose it, nothing is changed (exit 5).

Exit 0: set, already as requested, or another change is in force ("changed": false). 2: --ends is missing, or given for an active
subscription; --said-at is ahead; no such plan. 3: no such organization. 5: another number of agents than --expect says
would lose their seat.

EXAMPLES
  relay-admin subscription set acme-corp --state active --plan paid --ref sub_1Pq
  # the payment failed: 14 days of grace
  relay-admin subscription set acme-corp --state past_due --ends 14d
  relay-admin subscription set acme-corp --state cancelled --ends 2027-01-01T00:00:00Z
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::subscription_set_command
