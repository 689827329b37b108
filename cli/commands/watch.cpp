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
    context.output().print(line + '\n');  // one write a line: a reader never waits for half of one
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
        throw Error(ErrorKind::usage, "watch prints JSON lines and nothing else",
                    {.next = "leave --output out; a script reads the lines with jq"});
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
        .on_loss = [&](Error const &error) { output.note("trying again: " + error.message()); },
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
               .description = "go on after this line's cursor; without it, from now on"},
              options->since);
    add_value(set, {.names = "--exec", .type = "CMD", .description = "run this with sh for each change"},
              options->exec);
    add_integer(set, {.names = "--count", .type = "N", .description = "end after so many changes"}, {.min = 1},
                options->count);
    add_flag(set, {.names = "--until-idle", .description = "end when there is nothing more to tell"},
             options->until_idle);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const watch;
Command const watch{
    .path = "watch",
    .summary = "print each block, revocation and rotation as it comes",
    .doc =
        R"(Prints the change feed as JSON lines, of kind KeyChange, as soon as each change is committed: what a gateway, or any cache of its decisions, must
forget. It goes on until it is interrupted.

  change    what happened: agent_blocked, agent_unblocked, agent_revoked, agent_restored, the same of org; key_revoked, key_rotated,
            key_retired, key_rotation_reverted, key_updated; permissions_changed, role_changed, auth_mode_changed; reset
  kicks     true: open connections must end, too (block, revoke); false: forget, and ask again at the next call (a rotation)
  org_id, agent_id, key_id    whom it is about; without a key all of the agent's, without an agent all of the organization's
  cursor    where to go on with --since after this line

A line may come twice, and none is left out. reset means: too long away, or the database is another one since (a failover, a restore); forget
everything, and check open connections.

With --exec a command is run for each change, one after the other: by sh, with the line on its stdin, and RELAY_CHANGE, RELAY_KICKS, RELAY_ORG_ID,
RELAY_AGENT_ID, RELAY_KEY_ID in its environment (empty: none). No text of a change is ever a part of the command. Its output goes to
stderr. A command that fails, or takes longer than a minute, is reported, and the watch goes on.

It listens for NOTIFY on a connection of its own and looks every 3 seconds besides; through a transaction pooler or on a standby it looks every
second. When the database goes away, it tries again for as long as it takes, and goes on where it was.

Exit 0: --count or --until-idle is reached. 2: --since is no cursor. 8: the database was not reached at the start.

EXAMPLES
  relay-admin watch
  # drop what a CDN or Redis knows of the agent
  relay-admin watch --exec 'redis-cli DEL "agent:$RELAY_AGENT_ID"'
  # what has happened since the last line that was read
  relay-admin watch --since 1f2e3d4c.1.745.12.746:746: --until-idle)",
    .declare = declare,
    .audience = Audience::incidents,
    .prints = Prints::stream,
};

}  // namespace relay::cli::commands
