#include "cli/incident/targets.hpp"

#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/context.hpp"
#include "cli/input/input_file.hpp"
#include "cli/input/prompt.hpp"
#include "relay/inspect/inspect.hpp"
#include "relay/model/error.hpp"

#include <set>

namespace relay::cli {

namespace {

/// Enough for a list of a million ids of maximum length.
constexpr std::size_t longest_list = 128 * 1024 * 1024;

std::string_view trimmed(std::string_view line) {
    constexpr std::string_view blanks = " \t\r";
    std::size_t const first = line.find_first_not_of(blanks);
    return first == line.npos ? std::string_view() : line.substr(first, line.find_last_not_of(blanks) - first + 1);
}

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

/// Adds the ids of a text, one per line. Ignores empty lines and lines that begin with #.
void add_lines(Collector &collector, std::string const &path, std::string_view text) {
    for (std::size_t number = 1; !text.empty(); ++number) {
        std::size_t const end = std::min(text.find('\n'), text.size());
        std::string_view const line = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty() || line.front() == '#') {
            continue;
        }
        try {
            collector.add(line);
        } catch (Error const &error) {
            throw Error(error.kind(), input_name(path) + ", line " + std::to_string(number) + ": " + error.message(),
                        error.hint());
        }
    }
}

}  // namespace

void declare_targets(OptionSet &set, IncidentTargets &targets, bool typed) {
    add_value(set,
              {.names = "-f,--file", .type = "FILE", .description = "agent ids from a file, one per line; - is stdin"},
              targets.file);
    add_org_flag(set, "the whole organization instead of single agents", targets.org);
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
        add_lines(collector, *targets.file, read_input(*targets.file, "--file", longest_list));
    }
    std::vector<AgentId> agents = collector.take();
    if (agents.empty()) {
        throw Error(ErrorKind::usage, input_name(targets.file.value_or("-")) + " contains no agent id");
    }
    return agents;
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
