#include "cli/command.hpp"
#include "cli/command_line/end_time.hpp"
#include "cli/command_line/options.hpp"
#include "cli/context.hpp"
#include "cli/incident/report.hpp"
#include "cli/incident/targets.hpp"
#include "cli/incident/wait.hpp"
#include "cli/output/command_text.hpp"
#include "relay/model/error.hpp"

#include <memory>

namespace relay::cli::block_command {

namespace {

struct Options {
    IncidentTargets targets{};
    std::optional<std::string> until{};
    bool force = false;
    Waits waits{};
};

ExitStatus run(Options const &options, Context &context) {
    IncidentTargets const &targets = options.targets;
    exactly_one({{"AGENT", !targets.agents.empty()},
                 {"--file", targets.file.has_value()},
                 {"--org", targets.org.has_value()},
                 {"--device", !targets.devices.empty()}});
    require_org_for_confirm(targets);
    BlockEnd const end = parse_end_time(options.until, "the block", "to block until you lift the block");
    WriteOptions const by = context.write_options();
    if (options.force && (targets.org || !targets.devices.empty())) {
        throw Error(ErrorKind::usage,
                    std::string("--force has no effect with ") + (targets.org ? "--org" : "--device"));
    }
    if (!targets.devices.empty()) {
        std::vector<DeviceId> const devices = target_devices(targets);
        return show_incident(
            context, IncidentVerb::block, id_texts(devices),
            [&] { return block_devices(context.database(), devices, end, by); }, options.waits);
    }
    if (!targets.org) {
        std::vector<AgentId> const agents = target_agents(targets);
        return show_incident(
            context, IncidentVerb::block, id_texts(agents),
            [&] { return block_agents(context.database(), agents, end, options.force, by); }, options.waits);
    }
    OrgId const org = OrgId::parse(*targets.org);
    confirm_org(context, org, targets.confirm, "blocks",
                "Undo: " + command_line(context.globals(), {"unblock", "--org", org.text()}));
    return show_incident(
        context, IncidentVerb::block, {"org " + org.text()},
        [&] { return block_org(context.database(), org, end, by); }, options.waits);
}

Runner declare(OptionSet &set) {
    auto options = std::make_shared<Options>();
    add_value(
        set,
        {.names = "--until", .type = "TIME|DURATION", .description = "when the block ends: 2h, or a time (RFC 3339)"},
        options->until);
    add_flag(set, {.names = "--force", .description = "block ids even if no such agent exists"}, options->force);
    declare_waits(set, options->waits);
    declare_targets(set, options->targets, true);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "block",
    .summary = "block agents immediately (reversible; keys are kept)",
    .doc =
        R"(Makes every gateway refuse the agents from its next check on. Nothing is lost: their keys work again when
you lift the block with `unblock`, or when it ends automatically (--until). To end keys permanently, use `revoke`.

The command never asks about agents, does not wait for locks on them, and commits on the primary without waiting for
standbys (but see --durable). It commits first. Then it reads and prints what you need to know about each agent: its
keys, where it was last seen, its last events, and the command that undoes the block. If reading the report fails, the
agent is still blocked; the command prints a warning and exits 0. Blocking an agent again changes nothing and shows
who blocked it first. --until can make a block longer, never shorter.

If no agent has the id, the command refuses it and suggests similar ids. With --force it blocks the id anyway, in case
such an agent appears. If another session has locked the table of agents, no one can look up the id. Then it is blocked,
too, and a warning names that session. If another session has locked the table of blocks itself, no one can block. Within
about a second, a warning names that session and the statement that ends it. The command waits for it up to --timeout. A
file (-f) has one id per line; empty lines and lines that begin with # are ignored.

--device blocks single devices of people (see `device list`): the agent that they belong to is not affected.

--org blocks all agents of an organization. Because this affects many agents, you must type the organization's id, or
give it again as --confirm ORG (--yes is not enough).

Give --reason and --ticket: the audit trail keeps them, and `unblock --ticket` lifts everything that was blocked under
one ticket.

With --wait-ack 5s the command then waits until every live gateway (see `gateway list`) confirms that it has dropped
its cached decisions, and prints `3/3 gateways in 0.41 s`. If a gateway does not confirm in time, the command exits
10. The block remains in force either way.

With --durable the command then waits until the standbys have replayed the block, so that a failover cannot undo it
and gateways that read from a standby see it. It waits up to --timeout (10s) and prints `durable on 2/2 standbys in
0.12 s`, or names each standby that has not replayed it and how far behind it is. In that case, or if there is no
standby, it exits 10. The standbys are those that stream from the primary, those named in synchronous_standby_names,
and those with a replication slot; the primary does not know of any other. The block remains in force on the primary
either way; run the command again to check again. A login that is not a superuser sees the standbys only if
relay_owner is a member of pg_read_all_stats.

Exit 0: blocked, now or before. 3: no such agent, device or organization; nothing was changed. 7: some ids are unknown, the
others are blocked; stdout shows which. 8: nothing was changed; run it again. 9: the database cannot confirm whether
the block was committed; the last line is `NOT CONFIRMED: agent X may still be live`; run it again until it is
confirmed. 10: it is blocked, but a live gateway did not acknowledge it in time (--wait-ack), or a standby did not
replay it (--durable). 11: the block was missing when it was read back, before the COMMIT or after it, because a rule, a
trigger or a changed view interferes; the last line is the same as for 9. 13: the id you typed was wrong.

EXAMPLES
  relay-admin block billing-bot --reason "key seen in a public log" --ticket INC-42
  # a block that ends automatically
  relay-admin block billing-bot crm-sync --until 2h
  relay-admin block -f suspects.txt --ticket INC-42
  # wait until every gateway and every standby has it
  relay-admin block billing-bot --wait-ack 5s --durable
  relay-admin block --device 4mz8q0v2h7rk --until 1d
  # a whole organization, unattended
  relay-admin block --org acme-corp --confirm acme-corp)",
    .declare = declare,
    .audience = Audience::incidents,
    .rank = 1,
    .effect = Effect::changes,
    .completes = IdFilter::open,
};

}  // namespace relay::cli::block_command
