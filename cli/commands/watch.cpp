#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/context.hpp"
#include "cli/documents/gateway.hpp"
#include "cli/output/change_hook.hpp"
#include "cli/output/output.hpp"
#include "cli/output/render_json.hpp"
#include "relay/feed/changes.hpp"
#include "relay/model/error.hpp"

#include <memory>

namespace relay::cli::commands {

namespace {

struct Options {
    std::optional<std::string> since{};
    std::optional<std::string> exec{};
    std::optional<std::int64_t> count{};
    bool until_idle = false;
};

void tell(Options const &options, Context &context, KeyChange const &change) {
    std::string const line = value_json(key_change_record(change));
    context.output().print(line + '\n');  // one write per line, so that a reader never waits for half of one
    if (!options.exec) {
        return;
    }
    if (auto const complaint = run_change_hook(*options.exec, change, line)) {
        context.output().warn("--exec failed for " + change.change + ": " + *complaint);
    }
}

ExitStatus run(Options const &options, Context &context) {
    OutputFormat const format = context.globals().format;
    if (format == OutputFormat::csv || format == OutputFormat::id || format == OutputFormat::env) {
        throw Error(ErrorKind::usage, "watch prints only JSON lines",
                    {.next = "omit --output; scripts can read the lines with jq"});
    }
    Output &output = context.output();
    std::int64_t told = 0;
    ChangeFollower const follower{
        .on_change =
            [&](KeyChange const &change) {
                tell(options, context, change);
                return ++told != options.count.value_or(0);
            },
        .on_start = [&](std::string const &cursor) { output.note("watching from " + cursor); },
        .on_loss = [&](Error const &error) { output.note("retrying: " + error.message()); },
        .on_return = [&] { output.note("connected again; nothing was missed"); },
    };
    follow_changes(context.database(), {.since = options.since, .until_idle = options.until_idle}, follower);
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_value(set,
              {.names = "--since",
               .type = "CURSOR",
               .description = "continue after this cursor of a line (default: from now on)"},
              options->since);
    add_value(set, {.names = "--exec", .type = "CMD", .description = "run CMD with sh for each change"}, options->exec);
    add_integer(set, {.names = "--count", .type = "N", .description = "end after N changes"}, {.min = 1},
                options->count);
    add_flag(set, {.names = "--until-idle", .description = "end when there are no more changes"}, options->until_idle);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const watch;
Command const watch{
    .path = "watch",
    .summary = "print blocks, revocations and rotations as they happen",
    .doc =
        R"(Prints the change feed as JSON lines of kind KeyChange, as soon as each change is committed: everything
that a gateway, or any other cache of its decisions, must drop. It runs until you interrupt it.

  change    what happened
  kicks     true: end open connections, too (block, revoke); false: drop the cache, check again at the next call
  org_id    the organization; null: all organizations
  agent_id  the agent; null: all agents of the organization
  key_id    the key; null: all keys of the agent
  cursor    value for --since, to continue after this line

The changes are agent_blocked, agent_unblocked, agent_revoked, agent_restored, and the same with org_; key_revoked,
key_restored, key_rotated, key_retired, key_rotation_reverted, key_updated; permissions_changed, role_changed,
auth_mode_changed; legacy_left, legacy_changed; and reset.

A line may come twice, but none is left out. reset means that you were away too long, or that the database is a
different one since (a failover, a restore): drop everything, and check open connections.

With --exec, sh runs a command for each change, one after the other, with the line on its stdin, and RELAY_CHANGE,
RELAY_KICKS, RELAY_ORG_ID, RELAY_AGENT_ID and RELAY_KEY_ID in its environment (empty if there is none). No text of a
change is ever part of the command. Its output goes to stderr. If the command fails, or takes longer than a minute,
watch reports that and continues.

watch uses its own connection to listen for NOTIFY, and also checks every 3 seconds; through a transaction pooler or
on a standby it checks every second. If the connection is lost, it retries for as long as necessary, and continues
where it was.

Exit 0: --count or --until-idle was reached. 2: --since is not a cursor. 8: the database could not be reached at the
start.

EXAMPLES
  relay-admin watch
  # drop what a CDN or Redis has cached about the agent
  relay-admin watch --exec 'redis-cli DEL "agent:$RELAY_AGENT_ID"'
  # print what happened since the last line
  relay-admin watch --since 1f2e3d4c.1.745.12.746:746: --until-idle)",
    .declare = declare,
    .audience = Audience::incidents,
    .prints = Prints::stream,
};

}  // namespace relay::cli::commands
