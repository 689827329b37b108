#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/command_line/shared_flags.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/new_key.hpp"
#include "cli/documents/org.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/output/command_text.hpp"
#include "cli/output/output.hpp"
#include "cli/plans/limit_flags.hpp"
#include "cli/plans/lost_seats.hpp"
#include "relay/identity/create_org.hpp"
#include "relay/model/format_text.hpp"
#include "relay/model/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace relay::cli::org_update_command {

namespace {

struct Options {
    SpelledId org{};
    std::optional<std::string> name{};
    OrgSettingFlags settings{};
    std::vector<std::string> limits{};
    std::vector<std::string> providers{};
    std::optional<std::int64_t> expect{};
    SinkOptions token{};
};

UpdateOrg read(Options const &options) {
    if (!options.name && !options.settings.any() && options.limits.empty() && options.providers.empty() &&
        !options.token.asked()) {
        throw Error(ErrorKind::usage, "nothing to change was given",
                    {.next = "give one or more of --name, --plan, --max-agents, --limit, --providers, --key-max-age, "
                             "--auth-mode, --admin-token"});
    }
    UpdateOrg request{.id = OrgId::parse(options.org.required()),
                      .settings = org_settings(options.settings),
                      .expect = options.expect};
    for (LimitChange const &change : parse_limits(options.limits, LimitOwner::org)) {
        at_most_one({{"--max-agents", options.settings.max_agents.has_value()},
                     {"--limit agents", change.meter == Meter::agents}});
        request.settings.limits.push_back(change);
    }
    request.settings.providers = parse_providers(options.providers);
    if (options.name) {
        request.name = DisplayName::parse(*options.name);
    }
    return request;
}

std::string shut_out_warning(UpdatedOrg const &updated, Globals const &globals) {
    return fmt::format(
        "{} called without a key in the last 7 days and will now be refused, beginning with {}; to accept such calls "
        "again: {}",
        counted(updated.keyless.callers, "agent"),
        updated.keyless.latest.front().agent_id.value_or("one that gave no id"),
        command_line(globals, {"org", "update", updated.org.org_id.text(), "--auth-mode", "optional"}));
}

/// Returns which agents stay, and how many do not: "billing-bot (the oldest) stays. 49 are refused ...".
std::string describe_loss(UpdatedOrg const &updated, Globals const &globals) {
    Org const &org = updated.org;
    SeatLoss const &loss = updated.seats;
    std::int64_t const seats = org.agent_limit.value_or(0);
    std::string staying = "no agent stays";
    if (!loss.staying.empty()) {
        std::int64_t const more = seats - static_cast<std::int64_t>(loss.staying.size());
        staying = fmt::format("{}{}{} {}", fmt::join(texts_of(loss.staying), ", "),
                              more > 0 ? " and " + std::to_string(more) + " more" : "",
                              loss.oldest_stays ? " (the oldest)" : "", seats == 1 ? "stays" : "stay");
    }
    return fmt::format(
        "{} has {}; {} allows {}. {}. {} refused from the next minute on; nothing is deleted.\nTo keep another: {}",
        org.org_id, counted(org.agents, "agent"), org.max_agents ? "its limit" : "plan " + org.plan_in_force.text(),
        seats, staying, loss.lost == 1 ? "1 is" : std::to_string(loss.lost) + " are",
        command_line(globals, {"agent", "keep", "AGENT"}));
}

/// Asks before agents lose their seats, and shows which of them stay.
void confirm_losses(UpdateOrg &request, Context &context) {
    bool const may_take =
        request.settings.plan || std::any_of(request.settings.limits.begin(), request.settings.limits.end(),
                                             [](LimitChange const &one) { return one.meter == Meter::agents; });
    if (!may_take || !must_ask_for_seats(context, request.expect)) {
        return;
    }
    WriteOptions trial = context.write_options();
    trial.dry_run = true;
    UpdatedOrg const found = update_org(context.database(), request, trial);
    if (found.seats.lost > 0) {
        request.expect = ask_for_seats(
            context, fmt::format("{} would lose their seat", counted(found.seats.lost, "agent")),
            describe_loss(found, context.globals()) + ".", found.seats.lost, advise(Act::list_seats, request.id));
    }
}

ExitStatus run(Options const &options, Context &context) {
    UpdateOrg request = read(options);
    confirm_losses(request, context);
    auto const sink = open_settled_token_sink(context, options.token);
    UpdatedOrg const updated = update_org(context.database(), request, context.write_options(), sink.get());

    Document document{.kind = "OrgUpdate", .id_key = "org_id"};
    document.data = org_record(updated.org);
    append(document.data, org_words(updated.org));
    document.data.push_back({"changed_fields", "Changed", updated.fields});
    append(document.data, token_record(updated.token, sink.get(), context.globals()));
    stamp(document, context, updated);
    if (updated.keyless.callers > 0) {
        document.warnings.push_back(shut_out_warning(updated, context.globals()));
    }
    if (updated.seats.lost > 0) {
        document.warnings.push_back(
            fmt::format("{} lost their seat: gateways refuse them with over_limit; to see which: {}",
                        counted(updated.seats.lost, "agent"),
                        command_line(context.globals(), {"org", "seats", request.id.text()})));
    }
    if (request.settings.plan && updated.org.plan != updated.org.plan_in_force) {
        document.warnings.push_back(fmt::format(
            "its subscription ended at {}, so plan {} is in force; to set plan {} again: {}",
            format_instant_seconds(updated.org.subscription_ends_at.value_or(Instant())), updated.org.plan_in_force,
            updated.org.plan,
            command_line(context.globals(), {"subscription", "set", request.id.text(), "--state", "active"})));
    }
    context.output().show(document);
    if (!updated.changed) {
        context.output().note("nothing changed: organization " + request.id.text() + " is already as requested");
    }
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_org(set, options->org);
    add_value(set, {.names = "--name", .description = "new display name"}, options->name);
    declare_org_settings(set, options->settings, false);
    add_limits(set, LimitOwner::org, options->limits);
    add_providers(set, options->providers);
    add_expected_losses(set, options->expect);
    declare_compact_sink(set, options->token, "--admin-token",
                         "replace the admin token, and write it to FILE, stdout, terminal or fd:N");
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "org update",
    .summary = "change an organization's name, plan, limits or token",
    .doc =
        R"(Changes only what you give, and prints the organization as it is afterwards. If everything is already as
requested, nothing changes ("changed": false). "changed_fields" lists what changed.

--limit sets how much of a meter the organization may use, whatever its plan says. METER=none means no limit, and
METER=plan leaves it to the plan again. --max-agents N is --limit agents=N. --providers names the providers of what the
organization may hold, such as machines.

A smaller limit of agents leaves some of them without a seat. From the next minute on, gateways refuse these with
over_limit. Nothing is deleted: they work again as soon as the limit allows it. The oldest agents stay, unless
`agent keep` changed the order. The command shows who stays, and asks. In a script, give --expect N, the number of
agents that lose their seat. If another number would lose it, nothing is changed (exit 5). With --yes, any number may.

A new --key-max-age applies to keys created from then on; with none, age alone does not make them due.

With --auth-mode required, gateways refuse calls without a key from their next check on. A warning counts the agents
that made such calls in the last 7 days; `org show` names them beforehand. --auth-mode optional accepts such calls
again.

With --admin-token a new admin token replaces the old one immediately, without a grace period: the new one is
delivered first, and the old one ends when the command commits.

Exit 0: changed, or already as requested. 2: nothing to change was given, or no such plan or meter. 3: no such
organization. 5: another number of agents than --expect says would lose their seat. 12: the admin token
could not be delivered; nothing was changed.

EXAMPLES
  relay-admin org update acme-corp --plan paid
  # at most 1000 messages per day; any number of agents
  relay-admin org update acme-corp --limit messages=1000 --limit agents=none
  # its agents get the limit of plan free; this must take no seat
  relay-admin org update acme-corp --plan free --limit agents=plan --expect 0
  relay-admin org update acme-corp --name "Acme Corporation" --key-max-age 30d
  # every agent has its key: refuse calls without one
  relay-admin org update acme-corp --auth-mode required
  # replace the admin token
  relay-admin org update acme-corp --admin-token acme.token --replace
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::org_update_command
