#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/output/output.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"
#include "relay/plans/seats.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace relay::cli::agent_keep_command {

namespace {

constexpr std::size_t most_agents = 1000;

std::vector<AgentId> read(std::vector<std::string> const &words) {
    std::vector<AgentId> agents;
    for (std::string const &word : words) {
        AgentId agent = AgentId::parse(word);
        if (std::find(agents.begin(), agents.end(), agent) == agents.end()) {
            agents.push_back(std::move(agent));
        }
    }
    if (agents.empty()) {
        throw Error(ErrorKind::usage, "missing: AGENT", {.next = advise(Act::list_agents)});
    }
    if (agents.size() > most_agents) {
        throw Error(ErrorKind::usage,
                    fmt::format("{} agents were given, but at most {} are possible", agents.size(), most_agents));
    }
    return agents;
}

ExitStatus run(std::vector<std::string> const &words, Context &context) {
    KeptAgents const kept = keep_agents(context.database(), read(words), context.write_options());
    Document document{.kind = "SeatOrder", .id_key = "org_id"};
    document.data = {
        {"org_id", "Org ID", kept.org.org_id},   {"first_agents", "First", texts_of(kept.agents)},
        {"agents", "Agents", kept.org.agents},   {"agent_limit", "Seats", kept.org.agent_limit},
        {"lost_seats", "Lost seats", kept.lost},
    };
    stamp(document, context, kept);
    if (kept.lost > 0) {
        document.warnings.push_back(fmt::format("{} lost their seat to these: gateways refuse them with over_limit",
                                                counted(kept.lost, "agent")));
    }
    context.output().show(document);
    if (!kept.changed) {
        context.output().note("nothing changed: these agents are already the first ones, in this order");
    }
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const words = std::make_shared<std::vector<std::string>>();
    add_positionals(set, {.names = "AGENT", .description = "agents of one organization"}, *words);
    return [words](Context &context) { return run(*words, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "agent keep",
    .summary = "move agents to the front of the order of seats",
    .doc =
        R"(If an organization has more agents than its plan allows, only the first ones have a seat. Gateways refuse the
others with over_limit. This command moves agents to the front, in the order in which you name them. So they stay, and
others may lose their seat: the result counts these. `org seats` shows the order.

All agents must belong to one organization. A blocked agent can be kept; a revoked one has no seat.

Exit 0: moved, or already the first ones. 2: no agent was given, or agents of two organizations. 3: no such agent. 5: one
of them is revoked; nothing was changed.

EXAMPLES
  relay-admin agent keep billing-1 mailer
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::agent_keep_command
