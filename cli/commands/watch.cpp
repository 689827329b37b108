#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/context.hpp"
#include "cli/documents/gateway.hpp"
#include "cli/output/change_hook.hpp"
#include "cli/output/color.hpp"
#include "cli/output/output.hpp"
#include "cli/output/render_json.hpp"
#include "cli/output/text_width.hpp"
#include "relay/feed/changes.hpp"
#include "relay/inspect/inspect.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <cstdlib>
#include <memory>

namespace relay::cli::watch_command {

namespace {

struct Options {
    std::optional<std::string> since{};
    std::optional<std::string> exec{};
    std::optional<std::int64_t> count{};
    bool until_idle = false;
    std::optional<std::string> org{};
    std::optional<std::string> agent{};
};

/// The changes that are shown: those that concern an organization or an agent. What concerns all of an organization, or
/// all organizations, concerns the agent, too.
struct Concerned {
    std::optional<OrgId> org{};
    std::optional<AgentId> agent{};
    bool is_nowhere =
        false;  ///< the agent does not exist, so it is in no organization, and is blocked or revoked anyway

    bool by(KeyChange const &change) const {
        bool const of_org = !change.org_id || (org ? *change.org_id == *org : !is_nowhere);
        return of_org && (!agent || !change.agent_id || *change.agent_id == *agent);
    }
};

/// Throws Error: not_found, no such organization or agent, and no block or revocation of such an agent.
Concerned read_concerned(Options const &options, Context &context) {
    Concerned concerned;
    if (options.org) {
        concerned.org = OrgId::parse(*options.org);
        show_org(context.database(), *concerned.org);
    }
    if (options.agent) {
        concerned.agent = AgentId::parse(*options.agent);
        std::optional<OrgId> const org = org_of_agent(context.database(), *concerned.agent);
        if (concerned.org && concerned.org != org) {
            throw Error(ErrorKind::usage, "agent " + concerned.agent->text() +
                                              (org ? " belongs to organization " + org->text() : " does not exist"));
        }
        concerned.org = org;
        concerned.is_nowhere = !org;
    }
    return concerned;
}

/// People get their lines at a terminal, or with --output table; programs get JSON.
bool is_for_people(Context &context) {
    Globals const &globals = context.globals();
    return globals.format == OutputFormat::table &&
           (context.output().stdout_is_terminal() || globals.format_origin != "default");
}

/// Red for what makes gateways refuse someone, green for what makes them accept someone again.
std::string_view color_of(KeyChange const &change) {
    if (change.kicks) {
        return "\033[31m";
    }
    bool const accepts = change.change.ends_with("_unblocked") || change.change.ends_with("_restored");
    return accepts ? "\033[32m" : "";
}

/// "2026-11-30T01:57:17Z  agent_blocked     acme  billing-bot"
std::string people_line(KeyChange const &change, bool colored) {
    constexpr std::size_t word_width = 22;
    std::string const word = pad_right(escape_for_terminal(change.change), word_width);
    std::string_view const color = colored ? color_of(change) : "";
    std::string line = format_instant_seconds(change.at) + "  ";
    line += color.empty() ? word : std::string(color) + word + "\033[0m";
    bool const is_of_all = !change.org_id && !change.agent_id && !change.key_id;
    line += change.org_id ? " org " + escape_for_terminal(change.org_id->text())
            : is_of_all   ? " all organizations"
                          : "";
    line += change.agent_id ? "  agent " + escape_for_terminal(change.agent_id->text()) : "";
    line += change.key_id ? "  key " + escape_for_terminal(change.key_id->text()) : "";
    return line + '\n';
}

void tell(Options const &options, Context &context, KeyChange const &change, bool colored) {
    std::string const line = value_json(key_change_record(change));
    // One write per line, so that a reader never waits for half of one.
    context.output().print(is_for_people(context) ? people_line(change, colored) : line + '\n');
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
        throw Error(ErrorKind::usage, "watch prints only JSON lines, or lines for people (table)",
                    {.next = "omit --output; scripts can read the lines with jq"});
    }
    Output &output = context.output();
    Concerned const concerned = read_concerned(options, context);
    bool const colored = wants_color(context.globals().color, output.stdout_is_terminal(),
                                     [](char const *name) { return std::getenv(name); });
    std::int64_t told = 0;
    ChangeFollower const follower{
        .on_change =
            [&](KeyChange const &change) {
                if (!concerned.by(change)) {
                    return true;
                }
                tell(options, context, change, colored);
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
    add_org_flag(set, "only changes that concern this organization", options->org);
    add_agent_flag(set, "only changes that concern this agent", options->agent);
    add_flag(set, {.names = "--until-idle", .description = "end when there are no more changes"}, options->until_idle);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "watch",
    .summary = "print blocks, revocations and rotations as they happen",
    .doc =
        R"(Prints the change feed, as soon as each change is committed. The feed has everything that a gateway, or any other
cache of its decisions, must drop. The command runs until you interrupt it. At a terminal, or with -o table, each change is
a line for people. The line is red if the change ends open connections. Otherwise it is a JSON line of kind KeyChange.

--org and --agent print only what concerns one of them. A change of a whole organization concerns its agents, too.

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

Exit 0: --count or --until-idle was reached. 2: --since is not a cursor. 3: no such organization or agent (an id that
is only blocked or revoked is one). 8: the database could not be reached at the
start.

EXAMPLES
  relay-admin watch
  relay-admin watch --org acme-corp
  # drop what a CDN or Redis has cached about the agent
  relay-admin watch --exec 'redis-cli DEL "agent:$RELAY_AGENT_ID"'
  # print what happened since the last line
  relay-admin watch --since 1f2e3d4c.1.745.12.746:746: --until-idle)",
    .declare = declare,
    .audience = Audience::incidents,
    .prints = Prints::stream,
};

}  // namespace relay::cli::watch_command
