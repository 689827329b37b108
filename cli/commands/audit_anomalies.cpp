#include "cli/audit/event_flags.hpp"
#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/browse.hpp"
#include "cli/output/advice_text.hpp"
#include "cli/output/output.hpp"
#include "relay/audit/anomalies.hpp"

#include <memory>

namespace relay::cli::audit_anomalies_command {

namespace {

constexpr Bounds threshold{.min = 1, .max = 1'000'000'000};

struct Options {
    std::optional<std::string> since{};
    std::optional<std::string> org{};
    std::optional<std::int64_t> failures{};
    std::optional<std::int64_t> refusals{};
    std::optional<std::chrono::seconds> silence{};
};

FindAnomalies read(Options const &options) {
    FindAnomalies request;
    if (options.since) {
        request.since = parse_past_time("--since", *options.since);
    }
    if (options.org) {
        request.org = OrgId::parse(*options.org);
    }
    request.most_failures = options.failures.value_or(request.most_failures);
    request.most_refusals = options.refusals.value_or(request.most_refusals);
    request.silence = options.silence.value_or(request.silence);
    return request;
}

Record anomaly_record(Anomaly const &one, Globals const &globals) {
    std::vector<std::string> const lines = advice_lines(one.more, globals);
    return {
        {"anomaly", "Anomaly", one.kind},
        {"last_at", "Last", one.last_at, {.leaves = 3}},
        {"evidence", "Evidence", one.evidence},
        machine_only("org_id", one.org_id),
        machine_only("agent_id", one.agent_id),
        machine_only("key_id", one.key_id),
        machine_only("ip_address", one.ip_address),
        machine_only("first_at", one.first_at),
        machine_only("times", one.times),
        {"command", "Shows more", lines.empty() ? Value() : Value(lines.front()), {.leaves = 2}},
    };
}

std::string more_text(MoreAnomalies const &more) {
    std::string const kind(text_of(more.kind));
    return more.failure ? kind + " was not looked for: " + more.failure->message() +
                              "; use a shorter --since, or a longer --timeout"
                        : kind + ": and " + std::to_string(more.count) + " more; use a shorter --since, or --org";
}

ExitStatus run(Options const &options, Context &context) {
    Anomalies const result = find_anomalies(context.database(), read(options));
    Document document{.kind = "AnomalyList", .id_key = "anomaly", .is_list = true};
    document.columns = blank(anomaly_record({}, context.globals()));
    for (Anomaly const &one : result.found) {
        document.items.push_back(anomaly_record(one, context.globals()));
    }
    for (MoreAnomalies const &more : result.more) {
        document.warnings.push_back(more_text(more));
    }
    browse(context, std::move(document), result.at, result.db_role);
    return result.found.empty() ? ExitStatus::ok : ExitStatus::check_no;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_value(
        set,
        {.names = "--since", .type = "TIME|DURATION", .description = "what happened from then on (default: 24h ago)"},
        options->since);
    add_org_flag(set, "only this organization", options->org);
    add_integer(set,
                {.names = "--failures",
                 .description = "report an address or a key with more than N refused calls (default: 20)"},
                threshold, options->failures);
    add_integer(
        set,
        {.names = "--refusals", .description = "report an agent with more than N refused permissions (default: 10)"},
        threshold, options->refusals);
    add_duration(set, {.names = "--silence", .description = "report a use after this long without one (default: 30d)"},
                 options->silence);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "audit anomalies",
    .summary = "show what a responder should look at",
    .doc =
        R"(Looks for what often comes with a leaked key, and exits 10 if it finds anything. It changes nothing: a finding is
a question for a person. Each one has its evidence, and the command that shows more.

  new_address            an agent called from an address from which it was not seen in the last 30 days
  dead_key_used          a key that is retired, revoked or expired was used again
  two_places             a key was used from two addresses in turn, and one of them is new
  long_silence           an agent was used after a long time without a use
  failures_of_key        many calls with one key were refused
  failures_from_address  many calls from one address were refused
  permission_burst       an agent was refused many permissions

For IPv6, the /64 network counts as one address, because one host can use all of it. An agent whose first use ever is
recent has no new address. A flood counts with all its calls. An address is new if it was first seen after --since.
So a key that is used on two hosts every day is found once. A use with the shared secret, or one that a gateway reported, is
not a silence.

At most 100 findings of each kind are shown; a warning has the number of the others. If the search for one kind takes
too long, the others are shown, and a warning names it.

Exit 0: nothing found. 3: no such organization. 8: a search took too long, and the others found nothing. 10: something
was found.

EXAMPLES
  relay-admin audit anomalies
  # every hour, from a timer
  relay-admin audit anomalies --since 1h -o jsonl
  relay-admin audit anomalies --org acme-corp --since 7d --failures 100
)",
    .declare = declare,
};

}  // namespace relay::cli::audit_anomalies_command
