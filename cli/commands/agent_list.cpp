#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/command_line/shared_flags.hpp"
#include "cli/documents/agent.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/fields.hpp"
#include "relay/inspect/inspect.hpp"
#include "relay/model/error.hpp"

#include <memory>

namespace relay::cli::commands {

namespace {

struct Options {
    std::optional<std::string> org{};
    std::optional<std::string> role{};
    std::optional<std::string> state{};
    std::optional<std::chrono::seconds> key_due{};
    std::optional<std::chrono::seconds> unused_for{};
    PageOptions page{};
};

ListAgents read(Options const &options) {
    ListAgents request{
        .status = from_optional_text<Status>(options.state),
        .key_due = options.key_due,
        .unused_for = options.unused_for,
        .page = page_request(options.page),
    };
    if (options.org) {
        request.org = OrgId::parse(*options.org);
    }
    if (options.role) {
        if (!options.org) {
            throw Error(ErrorKind::usage, "--role needs --org", {.why = "a role is of one organization"});
        }
        request.role = RoleId::parse(*options.role);
    }
    return request;
}

ExitStatus run(Options const &options, Context &context) {
    auto const row = [](Agent const &agent) { return hide(agent_record(agent), {"permissions"}); };
    browse_page(context, "AgentList", "agent_id", list_agents(context.database(), read(options)), row, sample_agent());
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_org_flag(set, "only those of an organization", options->org);
    add_value(set,
              {.names = "--role,--role-id", .type = "ROLE", .description = "only those that have a role, with --org"},
              options->role);
    add_choice(set, {.names = "--state", .description = "only those in this state"}, all_texts<Status>(),
               options->state);
    add_duration(set, {.names = "--key-due", .description = "only those whose key is due within this time, or already"},
                 options->key_due);
    add_duration(set, {.names = "--unused-for", .description = "only those that were not seen for this long"},
                 options->unused_for);
    declare_page(set, options->page);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const agent_list;
Command const agent_list{
    .path = "agent list",
    .summary = "list agents",
    .doc =
        R"(Lists agents in the order of their ids: organization, name, state, and when each was last seen. The state is active, blocked or
revoked; an agent is blocked or revoked also when its organization is. Filters may be combined.

--unused-for takes an agent that was never seen if it was made that long ago. All times are of the database's clock. At most 1000
are shown; "next" in JSON (null at the end) is the cursor for --after, and --all shows every one.

It runs on a standby, too.

Exit 0: listed, even if the list is empty. 3: no such organization or role.

EXAMPLES
  relay-admin agent list --org acme-corp
  # whose keys want rotation in the next two weeks
  relay-admin agent list --key-due 14d -o id
  # who loses something when the role changes
  relay-admin agent list --org acme-corp --role accounting
  # nobody seems to need them
  relay-admin agent list --unused-for 30d --state active
)",
    .declare = declare,
};

}  // namespace relay::cli::commands
