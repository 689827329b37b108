#include "cli/command.hpp"
#include "cli/command_line/agent_flags.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/command_line/shared_flags.hpp"
#include "cli/documents/agent.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/fields.hpp"
#include "cli/output/redraw.hpp"
#include "relay/inspect/inspect.hpp"
#include "relay/model/error.hpp"

#include <memory>

namespace relay::cli::agent_list_command {

namespace {

/// For --state: agents without a seat. Their Status is another thing: such an agent is not blocked.
constexpr std::string_view surplus = "surplus";

std::vector<std::string> states() {
    std::vector<std::string> all = all_texts<Status>();
    all.emplace_back(surplus);
    return all;
}

struct Options {
    std::optional<std::string> org{};
    std::optional<std::string> role{};
    std::optional<std::string> state{};
    std::optional<std::chrono::seconds> key_due{};
    std::optional<std::chrono::seconds> unused_for{};
    std::optional<std::chrono::seconds> bearer_since{};
    WhichFlags which{};
    PageOptions page{};
};

ListAgents read(Options const &options) {
    ListAgents request{
        .status = from_optional_text<Status>(options.state),
        .surplus = options.state == surplus,
        .key_due = options.key_due,
        .unused_for = options.unused_for,
        .bearer_since = options.bearer_since,
        .which = which_agents(options.which),
        .page = page_request(options.page, agent_sort_fields()),
    };
    if (options.org) {
        request.org = OrgId::parse(*options.org);
    }
    if (options.role) {
        if (!options.org) {
            throw Error(ErrorKind::usage, "--role needs --org", {.why = "a role belongs to one organization"});
        }
        request.role = RoleId::parse(*options.role);
    }
    return request;
}

ExitStatus run(Options const &options, Context &context) {
    auto const row = [](Agent const &agent) { return hide(agent_record(agent), {"permissions"}); };
    ListAgents const request = read(options);
    browse_list(context, options.page.view, "AgentList", "agent_id", sample_agent(), row,
                [&](EachItem<Agent> const &each) { return list_agents(context.database(), request, each); });
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_org_flag(set, "only agents of this organization", options->org);
    add_value(set,
              {.names = "--role,--role-id", .type = "ROLE", .description = "only agents with this role; needs --org"},
              options->role);
    add_choice(set, {.names = "--state", .description = "only agents in this state"}, states(), options->state);
    add_duration(set,
                 {.names = "--key-due", .description = "only agents whose key is due within this time, or overdue"},
                 options->key_due);
    add_duration(set, {.names = "--unused-for", .description = "only agents not seen for this long"},
                 options->unused_for);
    add_duration(
        set, {.names = "--bearer-since", .description = "only agents that called within this time without a signature"},
        options->bearer_since);
    declare_which_agents(set, "agents", options->which);
    declare_page(set, agent_sort_fields(), options->page);
    return [options](Context &context) {
        return redraw(context, options->page.view.watch, [&] { return run(*options, context); });
    };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "agent list",
    .summary = "list agents",
    .doc =
        R"(Lists agents by id: organization, name, state, and when each agent was last seen. The state is active,
blocked or revoked. An agent also counts as blocked or revoked if its organization is. You can combine filters.

--state surplus lists agents without a seat: their organization has more agents than its plan allows. Gateways refuse
them with over_limit. `org seats` shows the order, `agent keep` changes it.

--bearer-since lists the agents that called within this time with a bearer key or the shared secret. `policy set
--signing required` would refuse such calls.

--unused-for includes agents that were never seen, if they were created that long ago. All times are by the database's
clock. The command shows at most 1000 agents; --all shows all. In JSON, "next" is the cursor for --after (null at the
end).

It also works on a standby.

Exit 0: listed, even if the list is empty. 3: no such organization or role.

EXAMPLES
  relay-admin agent list --org acme-corp
  # agents that do not sign all their calls yet
  relay-admin agent list --bearer-since 7d
  # agents whose keys are due within two weeks
  relay-admin agent list --key-due 14d -o id
  # agents that a change of the role affects
  relay-admin agent list --org acme-corp --role accounting
  # the agents of a team, of which each has an id that begins with pay
  relay-admin agent list --label team=payments --match 'pay*'
  # agents that the limits of their organizations leave without a seat
  relay-admin agent list --state surplus --all
  # agents that seem to be unused
  relay-admin agent list --unused-for 30d --state active
)",
    .declare = declare,
};

}  // namespace relay::cli::agent_list_command
