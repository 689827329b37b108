#include "cli/command.hpp"
#include "cli/command_line/agent_flags.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/command_line/shared_flags.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/key.hpp"
#include "cli/output/redraw.hpp"
#include "relay/inspect/inspect.hpp"

#include <memory>

namespace relay::cli::key_list_command {

namespace {

struct Options {
    std::optional<std::string> agent{};
    std::optional<std::string> org{};
    std::optional<std::string> state{};
    std::optional<std::chrono::seconds> older_than{};
    bool never_used = false;
    std::optional<std::chrono::seconds> unused_for{};
    WhichFlags which{};
    PageOptions page{};
};

ListKeys read(Options const &options) {
    ListKeys request{
        .status = from_optional_text<KeyStatus>(options.state),
        .live_only = !options.state && !options.page.all,
        .older_than = options.older_than,
        .never_used = options.never_used,
        .unused_for = options.unused_for,
        .which = which_agents(options.which),
        .page = page_request(options.page, key_sort_fields()),
    };
    at_most_one({{"--never-used", options.never_used}, {"--unused-for", options.unused_for.has_value()}});
    request.newest_first = request.page.sort.empty() && options.agent;
    if (options.agent) {
        request.agent = AgentId::parse(*options.agent);
    }
    if (options.org) {
        request.org = OrgId::parse(*options.org);
    }
    return request;
}

ExitStatus run(Options const &options, Context &context) {
    ListKeys const request = read(options);
    browse_list(context, options.page.view, "KeyList", "key_id", sample_key(), key_record,
                [&](EachItem<Key> const &each) { return list_keys(context.database(), request, each); });
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_agent_flag(set, "only keys of this agent", options->agent);
    add_org_flag(set, "only keys of this organization", options->org);
    add_choice(set, {.names = "--state", .description = "only keys in this state"}, all_texts<KeyStatus>(),
               options->state);
    add_duration(set, {.names = "--older-than", .description = "only keys that were made at least this long ago"},
                 options->older_than);
    add_flag(set, {.names = "--never-used", .description = "only keys that were never used"}, options->never_used);
    add_duration(set, {.names = "--unused-for", .description = "only keys that were not used for this long"},
                 options->unused_for);
    declare_which_agents(set, "keys of agents", options->which);
    declare_page(set, key_sort_fields(), options->page);
    return [options](Context &context) {
        return redraw(context, options->page.view.watch, [&] { return run(*options, context); });
    };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "key list",
    .summary = "list keys",
    .doc =
        R"(Lists the keys that gateways accept: by id, or, with --agent, newest first. A key's id is its public part, the
name that logs and events use. The secret is not stored, so it cannot be shown.

The status is what a gateway would decide: staged, active and retiring keys are accepted; expired, retired and revoked
ones are refused. A staged key is on its way to a store (`rotate-key --deliver`), and no run has confirmed that it
arrived; its age is that of its column Created. If a key's agent or organization is blocked, the key keeps its status
and is marked as blocked: it is refused while the block is in force.

The command shows at most 1000 keys, and leaves out keys that have ended. --all shows all of them, also those that have
ended: keys are never removed, so this is also the history of an agent's keys. --state shows the keys in one state.
--unused-for includes keys that were never used, if they were made that long ago. In JSON, "next" is the cursor for
--after (null at the end, and in a sorted list). It also works on a standby.

Exit 0: listed, even if the list is empty. 3: no such agent or organization.

EXAMPLES
  relay-admin key list --agent payments
  relay-admin key list --org acme-corp --state retiring
  # old keys first, with three fields
  relay-admin key list --older-than 80d --sort created_at --fields key_id,agent_id,created_at
  relay-admin key list --never-used --label env=prod
  relay-admin key list --all -o csv
)",
    .declare = declare,
};

}  // namespace relay::cli::key_list_command
