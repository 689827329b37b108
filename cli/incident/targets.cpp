#include "cli/incident/targets.hpp"

#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/context.hpp"
#include "cli/input/id_list.hpp"
#include "cli/input/input_file.hpp"
#include "cli/input/prompt.hpp"
#include "relay/inspect/inspect.hpp"
#include "relay/model/error.hpp"

#include <algorithm>
#include <set>

namespace relay::cli {

namespace {

class Collector {
  public:
    void add(std::string_view text) {
        AgentId agent = AgentId::parse(text);
        if (m_seen.insert(agent.text()).second) {
            m_agents.push_back(std::move(agent));
        }
    }
    std::vector<AgentId> take() { return std::move(m_agents); }

  private:
    std::vector<AgentId> m_agents{};
    std::set<std::string> m_seen{};
};

/// Adds the ids of a file. Throws Error (usage) that names the line of a bad one.
void add_file(Collector &collector, std::string const &path) {
    std::string const name = input_name(path);
    OpenText text = open_text(path, "--file");
    read_id_list(text.source, name, [&](std::size_t line, std::string const &id) {
        try {
            collector.add(id);
        } catch (Error const &error) {
            throw Error(error.kind(), name + ", line " + std::to_string(line) + ": " + error.message(), error.hint());
        }
    });
}

}  // namespace

void declare_targets(OptionSet &set, IncidentTargets &targets, bool typed) {
    add_value(set,
              {.names = "-f,--file",
               .type = "FILE",
               .description = "agent ids from a file: one per line, CSV or JSON; - is stdin"},
              targets.file);
    add_org_flag(set, "the whole organization instead of single agents", targets.org);
    add_values(set,
               {.names = "--device", .type = "DEVICE", .description = "single devices by their ids, comma-separated"},
               targets.devices, Commas::split);
    if (typed) {
        add_value(
            set,
            {.names = "--confirm", .type = "ID", .description = "the organization's id again, instead of typing it"},
            targets.confirm);
    }
    add_positionals(set, {.names = "AGENT", .description = "agent ids"}, targets.agents);
}

std::vector<AgentId> target_agents(IncidentTargets const &targets) {
    Collector collector;
    for (std::string const &text : targets.agents) {
        collector.add(text);
    }
    if (targets.file) {
        add_file(collector, *targets.file);
    }
    std::vector<AgentId> agents = collector.take();
    if (agents.empty()) {
        throw Error(ErrorKind::usage, input_name(targets.file.value_or("-")) + " contains no agent id");
    }
    return agents;
}

std::vector<DeviceId> target_devices(IncidentTargets const &targets) {
    std::vector<DeviceId> devices;
    std::transform(targets.devices.begin(), targets.devices.end(), std::back_inserter(devices),
                   [](std::string const &text) { return DeviceId::parse(text); });
    return devices;
}

void require_org_for_confirm(IncidentTargets const &targets) {
    if (targets.confirm && !targets.org) {
        throw Error(ErrorKind::usage, "--confirm needs --org", {.next = "omit --confirm: agents need no confirmation"});
    }
}

void confirm_org(Context &context, OrgId const &org, std::optional<std::string> const &confirm, std::string_view verb,
                 std::string const &undo) {
    if (context.globals().dry_run) {
        return;
    }
    std::string question = "This " + std::string(verb) + " organization " + org.text();
    if (!confirm && context.prompt().can_ask()) {
        OrgDetails const details = show_org(context.database(), org);
        question += " (" + details.org.name + "): " + std::to_string(details.org.agents) + " agents";
    }
    question += ". " + undo;
    context.prompt().confirm_by_typing(question, org.text(), confirm);
}

}  // namespace relay::cli
