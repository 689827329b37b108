#include "cli/incident/without_key.hpp"

#include "cli/context.hpp"
#include "cli/documents/error.hpp"
#include "cli/documents/fields.hpp"
#include "cli/output/command_text.hpp"
#include "cli/output/output.hpp"
#include "cli/sink/new_key_file.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

constexpr std::size_t most_named_agents = 10;

std::string rotate_command(Context &context, AgentWithoutKey const &agent) {
    std::string const id = agent.agent_id.text();
    std::vector<std::string> words{"rotate-key", id};
    if (agent.has_retiring) {
        words.emplace_back("--force");
    }
    words.insert(words.end(), {"--secret-file", new_key_file(id)});
    return command_line(context.globals(), words);
}

std::string describe(AgentWithoutKey const &agent) {
    return "agent " + agent.agent_id.text() + (agent.owner ? " (owner: " + agent.owner->text() + ')' : "") +
           (agent.has_retiring ? " has only a key that is about to end; the next command ends it immediately"
                               : " has no working key now");
}

}  // namespace

std::optional<std::vector<AgentWithoutKey>> read_without_key(Context &context, IncidentReceipt const &receipt) {
    std::vector<KeyId> keys;
    for (IncidentItem const &item : receipt.items) {
        if (item.key() != nullptr && !item.error && item.looked_up) {
            keys.push_back(*item.key());
        }
    }
    if (keys.empty() || context.globals().dry_run) {
        return std::nullopt;
    }
    try {
        return agents_without_key(context.database(), keys);
    } catch (Error const &error) {
        context.output().warn("cannot read which agents have no working key now: " + what_failed(error));
        return std::nullopt;
    }
}

Value without_key_value(Context &context, std::optional<std::vector<AgentWithoutKey>> const &agents) {
    if (!agents) {
        return {};
    }
    std::vector<Record> records;
    for (AgentWithoutKey const &agent : *agents) {
        records.push_back({machine_only("agent_id", agent.agent_id), machine_only("owner", agent.owner),
                           machine_only("has_retiring_key", agent.has_retiring),
                           machine_only("next", rotate_command(context, agent))});
    }
    return records;
}

void say_without_key(Context &context, std::vector<AgentWithoutKey> const &agents) {
    for (std::size_t i = 0; i < std::min(agents.size(), most_named_agents); ++i) {
        context.output().note(describe(agents[i]));
        context.output().note("next:  " + rotate_command(context, agents[i]));
    }
    if (agents.size() > most_named_agents) {
        context.output().note("and " + std::to_string(agents.size() - most_named_agents) +
                              " more agents: -o json lists all of them, and so does " +
                              command_line(context.globals(), {"key", "due"}));
    }
}

}  // namespace relay::cli
