#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/command_line/shared_flags.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/key.hpp"
#include "relay/inspect/inspect.hpp"

#include <memory>

namespace relay::cli::commands {

namespace {

struct Options {
    std::optional<std::string> agent{};
    std::optional<std::string> org{};
    std::optional<std::string> state{};
    PageOptions page{};
};

ListKeys read(Options const &options) {
    ListKeys request{.status = from_optional_text<KeyStatus>(options.state), .page = page_request(options.page)};
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
    browse_list(context, "KeyList", "key_id", sample_key(), key_record,
                [&](EachItem<Key> const &each) { return list_keys(context.database(), request, each); });
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_agent_flag(set, "only keys of this agent", options->agent);
    add_org_flag(set, "only keys of this organization", options->org);
    add_choice(set, {.names = "--state", .description = "only keys in this state"}, all_texts<KeyStatus>(),
               options->state);
    declare_page(set, options->page);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const key_list;
Command const key_list{
    .path = "key list",
    .summary = "list keys",
    .doc =
        R"(Lists keys by id. A key's id is its public part, the name that logs and events use. The secret is not
stored, so it cannot be shown.

The status is what a gateway would decide: staged, active and retiring keys are accepted; expired, retired and revoked
ones are refused. A staged key is on its way to a store (`rotate-key --deliver`), and no run has confirmed that it
arrived; its age is that of its column Created. If a key's agent or organization is blocked, the key keeps its status and is marked as blocked: it is
refused while the block is in force. Keys are never removed from the list, so it is also the history of an agent's
keys.

The command shows at most 1000 keys; --all shows all. In JSON, "next" is the cursor for --after (null at the end). It
also works on a standby.

Exit 0: listed, even if the list is empty. 3: no such agent or organization.

EXAMPLES
  relay-admin key list --agent payments
  relay-admin key list --org acme-corp --state retiring
  relay-admin key list --all -o csv
)",
    .declare = declare,
};

}  // namespace relay::cli::commands
