#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/legacy.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/output/output.hpp"

#include <limits>
#include <memory>

namespace relay::cli::commands {

namespace {

constexpr std::int64_t usual_stragglers = 20;
constexpr std::int64_t all_stragglers = std::numeric_limits<std::int64_t>::max();

struct Options {
    std::optional<std::chrono::seconds> quiet{};
    bool all = false;
    bool exit_code = false;
};

std::vector<Record> straggler_records(std::vector<LegacyAgent> const &agents) {
    std::vector<Record> records;
    for (LegacyAgent const &agent : agents) {
        records.push_back({
            {"agent_id", "Agent ID", agent.agent_id},
            {"org_id", "Org ID", agent.org_id, {.leaves = 2}},
            {"owner", "Owner", agent.owner, {.leaves = 3, .cut = true}},
            {"state", "State", agent.state},
            {"wave", "Wave", agent.wave, {.leaves = 5}},
            {"issued_key", "Issued key", agent.issued_key, {.leaves = 4}},
            machine_only("issued_at", agent.issued_at),
            {"last_seen_at", "Last seen", agent.last_seen_at},
            {"last_seen_from", "From", agent.last_seen_from, {.leaves = 1}},
        });
    }
    return records;
}

Record status_record(LegacyStatus const &status, std::chrono::seconds quiet) {
    LegacyCounts const &counts = status.counts;
    Record record = window_record(status.window);
    bool const open = status.window && status.window->lets_in();
    std::chrono::seconds const left =
        open ? std::chrono::floor<std::chrono::seconds>(status.window->deadline - status.at) : std::chrono::seconds(0);
    record.push_back({"left_seconds", "", open ? Value(static_cast<std::int64_t>(left.count())) : Value()});
    append(record, counts_record(counts));
    std::string const within = "in the last " + describe_duration(quiet);
    append(record,
           {
               people_only("On the secret", std::to_string(counts.on_shared_secret) + " " + within),
               people_only("Silent", std::to_string(counts.silent) + " not " + within),
               people_only("Never seen", counts.never_seen),
               machine_only("quiet_seconds", static_cast<std::int64_t>(quiet.count())),
               machine_only("proven_last_week", counts.proven_last_week),
               {"estimated_end_at", status.estimated_end() ? "Done by" : "", status.estimated_end()},
               {"stragglers", status.stragglers.empty() ? "" : "Stragglers", straggler_records(status.stragglers)},
           });
    return record;
}

ExitStatus run(Options const &options, Context &context) {
    std::chrono::seconds const quiet = options.quiet.value_or(FinishLegacy().quiet);
    LegacyStatus const status =
        legacy_status(context.database(), quiet, options.all ? all_stragglers : usual_stragglers);

    Document document{.kind = "LegacyStatus", .id_key = "state"};
    document.data = status_record(status, quiet);
    std::int64_t const left = status.counts.left();
    auto const hidden = left - static_cast<std::int64_t>(status.stragglers.size());
    if (status.window && status.window->lets_in() && status.estimated_end() &&
        *status.estimated_end() > status.window->deadline) {
        document.warnings.push_back("at the pace of the last week not all will have left by the deadline");
    }
    stamp(document, context, status.at, status.db_role);
    context.output().browse(document);
    if (hidden > 0) {
        context.output().note(std::to_string(hidden) + " more not shown: --all");
    }
    bool const finished = status.window && status.window->state == "finished";
    bool const waiting = !finished && left + status.counts.imported > 0;
    return options.exit_code && waiting ? ExitStatus::check_no : ExitStatus::ok;
}

Runner declare(CLI::App &app) {
    auto const options = std::make_shared<Options>();
    add_duration(app,
                 {.names = "--quiet-for", .description = "who was seen in so long is on the secret (default: 72h)"},
                 options->quiet);
    add_flag(app, {.names = "--all", .description = "every straggler, not only the first 20"}, options->all);
    add_flag(app, {.names = "--exit-code", .description = "exit 10 while any agent is left"}, options->exit_code);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const migrate_legacy_status;
Command const migrate_legacy_status{
    .path = "migrate-legacy status",
    .summary = "how far the fleet is, and who is left",
    .doc =
        R"(Shows the window, how many agents are how far, and the stragglers: who used the shared secret last, when, and from where; then those who
were never seen. Each imported agent is in one state:

  imported  on no list yet: the shared secret is refused
  listed    may use the shared secret, and has no key of its own
  issued    has a key of its own, and has not used it yet
  proven    has used its own key: off the list for good
  revoked   shut out, whatever it holds

"Done by" is when the last one will have left, at the pace of the last week. With --exit-code the command is exit 10 until the last one has
left, or the window is finished.

Exit 0: shown. 10: with --exit-code, while any agent is imported, listed or issued, and the window is not finished.

EXAMPLES
  relay-admin migrate-legacy status
  relay-admin migrate-legacy status --exit-code --quiet-for 24h -o json
  relay-admin migrate-legacy status --all -o jsonl
)",
    .declare = declare,
};

}  // namespace relay::cli::commands
