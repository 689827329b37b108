#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/context.hpp"
#include "cli/incident/report.hpp"
#include "cli/incident/targets.hpp"
#include "cli/incident/wait.hpp"
#include "cli/output/command_text.hpp"
#include "relay/model/error.hpp"

#include <memory>

namespace relay::cli::commands {

namespace {

struct Options {
    IncidentTargets targets{};
    std::optional<std::string> until{};
    bool force = false;
    Waits waits{};
};

/// A time holds a `-`, a duration never does.
BlockEnd parse_end(std::optional<std::string> const &text) {
    if (!text) {
        return {};
    }
    try {
        if (text->find('-') != text->npos && text->front() != '-') {
            return parse_instant(*text);
        }
        std::chrono::seconds const length = parse_duration(*text);
        if (length.count() > 0) {
            return length;
        }
    } catch (Error const &error) {
        throw Error(error.kind(), "--until: " + error.message(),
                    {.why = error.hint().why, .next = "as in --until 2h, or --until 2026-11-22T06:00:00Z"});
    }
    throw Error(ErrorKind::usage, "--until 0 would end the block at once",
                {.next = "leave --until out to block until it is lifted"});
}

ExitStatus run(Options const &options, Context &context) {
    IncidentTargets const &targets = options.targets;
    exactly_one(
        {{"AGENT", !targets.agents.empty()}, {"--file", targets.file.has_value()}, {"--org", targets.org.has_value()}});
    require_org_for_confirm(targets);
    BlockEnd const end = parse_end(options.until);
    WriteOptions const by = context.write_options();
    if (!targets.org) {
        std::vector<AgentId> const agents = target_agents(targets);
        return show_incident(
            context, IncidentVerb::block, id_texts(agents),
            [&] { return block_agents(context.database(), agents, end, options.force, by); }, options.waits);
    }
    if (options.force) {
        throw Error(ErrorKind::usage, "--force says nothing with --org");
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
    add_value(set,
              {.names = "--until",
               .type = "TIME|DURATION",
               .description = "when it ends by itself: 2h, or a time (RFC 3339)"},
              options->until);
    add_flag(set, {.names = "--force", .description = "also keep out ids that nobody knows"}, options->force);
    declare_waits(set, options->waits);
    declare_targets(set, options->targets, true);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const block;
Command const block{
    .path = "block",
    .summary = "shut agents out at once; reversible, keys are kept",
    .doc =
        R"(Makes every gateway refuse the agents from its next check on. Nothing is lost: their keys work again when the block is lifted with
`unblock`, or when it ends by itself (--until). To kill keys for good there is `revoke`.

It never asks (for agents), waits for no lock on an agent, and commits on the primary without waiting for standbys (--durable). First it commits, then
it reads and prints who that is: keys, where it was last seen, its last events, and the command that undoes it. If that reading fails,
the block stands all the same: a warning, and exit 0. A second block changes nothing and tells who was first; a block is made longer by
--until, never shorter.

An id that nobody knows is refused with the ids that are close; with --force it is kept out in case it appears. From a file (-f) come ids
one a line, empty lines and lines that begin with # apart.

--org blocks all agents of an organization. That is wide, so its id has to be typed, or given again as --confirm ORG (--yes is not enough).

Give --reason and --ticket: they stand in the audit trail, and `unblock --ticket` lifts all that was blocked under one ticket.

--wait-ack 5s then waits until every live gateway (see `gateway list`) has acknowledged that it forgot what it had cached, and prints
`3/3 gateways in 0.41 s`; 10 if not all of them did. The block stands either way.

--durable then waits until the standbys have replayed it, so that a failover cannot undo it and gateways that ask a standby see it: at most
as long as --timeout says (10s). It prints `durable on 2/2 standbys in 0.12 s`, or names each that has not replayed it, and how far behind
it is; 10 then, and also if there is none. Standbys are those that stream from the primary, those named in synchronous_standby_names,
and those that have a replication slot; one that is away and is none of these is not known to the primary. The block stands either way, on the
primary; run it again to ask again. Who is no superuser sees the standbys if relay_owner is in pg_read_all_stats.

Exit 0: blocked, now or before. 3: no such agent or organization; nothing was changed. 7: some ids are not known, the others are blocked,
and stdout says which. 8: nothing was changed, run it again. 9: the database cannot be asked whether it was done; the last line is
`NOT CONFIRMED: agent X may still be live`; run it again until it is confirmed. 10: it is blocked, but with --wait-ack not every
live gateway acknowledged it in time, or with --durable not every standby replayed it. 13: the typed id was wrong.

EXAMPLES
  relay-admin block billing-bot --reason "key seen in a public log" --ticket INC-42
  # a hold that ends by itself
  relay-admin block billing-bot crm-sync --until 2h
  relay-admin block -f suspects.txt --ticket INC-42
  # and be sure that every gateway and every standby has it
  relay-admin block billing-bot --wait-ack 5s --durable
  # a whole organization, unattended
  relay-admin block --org acme-corp --confirm acme-corp)",
    .declare = declare,
    .audience = Audience::incidents,
    .rank = 1,
    .effect = Effect::changes,
    .completes = IdFilter::open,
};

}  // namespace relay::cli::commands
