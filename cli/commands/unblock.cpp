#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/context.hpp"
#include "cli/documents/standing.hpp"
#include "cli/incident/report.hpp"
#include "cli/incident/targets.hpp"
#include "cli/input/prompt.hpp"
#include "cli/output/render_table_parts.hpp"
#include "relay/inspect/inspect.hpp"
#include "relay/model/error.hpp"

#include <memory>

namespace relay::cli::unblock_command {

namespace {

/// Returns the question. For a single agent it shows the block, so that the operator sees what it was for.
std::string question_for(Context &context, std::vector<AgentId> const &agents) {
    if (agents.size() > 1) {
        context.ask_for_label();
        return "Unblock " + std::to_string(agents.size()) + " agents?";
    }
    std::string question = "Unblock agent " + agents.front().text() + "?";
    if (context.globals().yes || !context.prompt().can_ask()) {
        return question;
    }
    try {
        AgentDetails const details = show_agent(context.database(), agents.front(), 0);
        return "Agent " + details.agent.agent_id.text() + " is " +
               people_text(describe_status(details.agent.status, details.standing), {.now = details.at}) + ". " +
               question;
    } catch (Error const &error) {
        if (error.kind() != ErrorKind::not_found) {
            throw;
        }
    }
    return question;  // with block --force, an id can be blocked without an agent
}

void ask(Context &context, std::string const &question) {
    if (!context.globals().dry_run) {
        context.prompt().confirm(question);
    }
}

ExitStatus run(IncidentTargets const &targets, Context &context) {
    bool const by_agents = !targets.agents.empty() || targets.file;
    auto const &ticket = context.globals().ticket;
    at_most_one({{"AGENT", !targets.agents.empty()},
                 {"--file", targets.file.has_value()},
                 {"--org", targets.org.has_value()},
                 {"--device", !targets.devices.empty()}});
    if (!by_agents && !targets.org && targets.devices.empty() && !ticket) {
        throw Error(ErrorKind::usage, "missing: AGENT, --file, --org, --device or --ticket",
                    {.next = advise(Act::list_blocked_agents)});
    }
    WriteOptions const by = context.write_options();
    if (by_agents) {
        std::vector<AgentId> const agents = target_agents(targets);
        ask(context, question_for(context, agents));
        return show_incident(context, IncidentVerb::unblock, id_texts(agents),
                             [&] { return unblock_agents(context.database(), agents, by); });
    }
    if (!targets.devices.empty()) {
        std::vector<DeviceId> const devices = target_devices(targets);
        std::vector<std::string> const subjects = id_texts(devices);
        ask(context,
            "Unblock " + (devices.size() == 1 ? subjects.front() : std::to_string(devices.size()) + " devices") + '?');
        return show_incident(context, IncidentVerb::unblock, subjects,
                             [&] { return unblock_devices(context.database(), devices, by); });
    }
    if (targets.org) {
        OrgId const org = OrgId::parse(*targets.org);
        if (context.prompt().can_ask() && !context.globals().yes) {
            show_org(context.database(), org);  // throws if there is none: then there is nothing to ask
        }
        ask(context, "Unblock organization " + org.text() + "?");
        return show_incident(context, IncidentVerb::unblock, {"org " + org.text()},
                             [&] { return unblock_org(context.database(), org, by); });
    }
    ask(context, "Lift every block that was made under ticket " + *ticket + '?');
    Note const under = Note::parse("ticket", *ticket);
    return show_incident(context, IncidentVerb::unblock, {"ticket " + *ticket},
                         [&] { return unblock_ticket(context.database(), under, by); });
}

Runner declare(OptionSet &set) {
    auto targets = std::make_shared<IncidentTargets>();
    declare_targets(set, *targets, false);
    return [targets](Context &context) { return run(*targets, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "unblock",
    .summary = "unblock agents, or everything blocked under a ticket",
    .doc =
        R"(Lifts blocks of agents, of an organization, or of devices of people (--device). With --ticket alone it lifts
everything that was blocked under that ticket. If you name what to unblock, --ticket only goes into the audit trail, as
in every command. Give a ticket with invisible characters, which SQL wrote, as `incident list` shows it.

The command asks first; --yes answers yes. Without a terminal and without --yes it stops with exit 2. At a terminal
the question shows who blocked the agent, when, and why.

If the agent's organization is still blocked, or the agent is revoked, gateways still refuse the agent, and a warning
says so. The agent's keys are as they were before the block, unless they expired meanwhile. If anyone else may know a
key, first rotate it with --grace 0, then unblock the agent.

Exit 0: not blocked, now or already. 2: --yes is missing. 3: no such agent, device, organization or ticket. 7: some
ids are unknown; stdout shows which. 11: the block was still in force when it was read back, before the COMMIT or after
it; the last line is `NOT CONFIRMED: agent X may still be blocked`. 13: the question was answered no.

EXAMPLES
  relay-admin unblock billing-bot
  # everything that was blocked for one incident
  relay-admin unblock --ticket INC-42 --yes
  relay-admin unblock --device 4mz8q0v2h7rk
  relay-admin unblock --org acme-corp)",
    .declare = declare,
    .audience = Audience::incidents,
    .rank = 2,
    .effect = Effect::changes,
    .completes = IdFilter::blocked,
};

}  // namespace relay::cli::unblock_command
