#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/context.hpp"
#include "cli/output/output.hpp"
#include "cli/output/own_file.hpp"
#include "cli/policy/metrics_text.hpp"

#include <memory>

namespace relay::cli::metrics_command {

namespace {

constexpr std::chrono::seconds default_within = std::chrono::days(14);
constexpr mode_t readable_by_all = 0644;  // the collector of a monitor runs as another user

struct Options {
    std::optional<std::string> textfile{};
    std::optional<std::string> by{};
    std::optional<std::chrono::seconds> within{};
};

ExitStatus run(Options const &options, Context &context) {
    std::optional<OwnFile> file;
    if (options.textfile) {
        file = {
            .flag = "--textfile", .path = *options.textfile, .beginning = metrics_beginning, .mode = readable_by_all};
        require_place(*file);
    }
    Numbers const numbers = read_numbers(
        context.database(), {.due_within = options.within.value_or(default_within), .by_org = options.by.has_value()});
    std::string const text = metrics_text(numbers, context.output().database());
    if (file && context.globals().dry_run) {
        context.output().note("would write " + *options.textfile);
    } else if (file) {
        write_own_file(*file, text);
    } else {
        context.output().print(text);
    }
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_value(set,
              {.names = "--textfile", .type = "FILE", .description = "replace FILE in one step, and print nothing"},
              options->textfile);
    add_choice(set, {.names = "--by", .description = "also the numbers of each organization"}, {"org"}, options->by);
    add_duration(set,
                 {.names = "--within", .description = "count keys as due that will be due in this time (default: 14d)"},
                 options->within);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "metrics",
    .summary = "print numbers about keys for Prometheus",
    .doc =
        R"(Prints numbers about agents and keys in Prometheus' text format. All are gauges.

  relay_agents                         agents by status: active, blocked, revoked
  relay_keys                           keys by status
  relay_keys_due                       what `key due --within` lists: due within that time, overdue, or missing
  relay_keys_overdue                   what `key due` lists: overdue, expired, or missing
  relay_keys_unused_replacements       agents that never used their new key, and whose old key ends within a day
  relay_oldest_active_key_age_seconds  age of the oldest active key; 0 if there is none
  relay_last_rotation_timestamp_seconds       when a key last replaced another one; 0 if none did
  relay_refused_calls_last_hour        calls that gateways refused in the last hour
  relay_legacy_agents                  agents of the shared secret by state; listed and issued ones may still use it
  relay_agents_running                 agents of the registry that run; 0 on a standby, which has no leases
  relay_agents_late                    of these, agents of which a beat is overdue
  relay_admin_last_success_timestamp_seconds  when the numbers were read
  relay_admin_info                     version of the program and name of the database

--textfile FILE is for the textfile collector of the node exporter, which reads files that end in .prom. The command
replaces FILE in one step, so no reader ever sees half of it. A new file has mode 0644; one that is replaced keeps its
mode. If the command fails, FILE stays as it is: alert on the age of the last success.

--by org adds the same numbers for each organization, with the label org and names that begin with relay_org_. No
number has a label for agents, because a monitor keeps each value of a label as a separate series. If the database has a
name (`config name`), each number has the label database. So one collector can read files of two databases.

The folder examples/prometheus of the package has alert rules, and a dashboard for Grafana. The command also works on a
standby.

Exit 0: printed or written. 5: FILE is not a file of this command. 12: FILE cannot be written.

EXAMPLES
  relay-admin metrics
  relay-admin metrics --textfile relay.prom
  relay-admin metrics --by org
)",
    .declare = declare,
    .audience = Audience::other,
    .prints = Prints::text,
};

}  // namespace relay::cli::metrics_command
