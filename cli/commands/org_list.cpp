#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/command_line/shared_flags.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/org.hpp"
#include "cli/output/redraw.hpp"
#include "relay/inspect/inspect.hpp"

#include <memory>

namespace relay::cli::org_list_command {

namespace {

struct Options {
    std::optional<std::string> match{};
    bool blocked = false;
    PageOptions page{};
};

ExitStatus run(Options const &options, Context &context) {
    ListOrgs const request{
        .match = options.match, .blocked_only = options.blocked, .page = page_request(options.page, org_sort_fields())};
    browse_list(context, options.page.view, "OrgList", "org_id", sample_org(), org_record,
                [&](EachItem<Org> const &each) { return list_orgs(context.database(), request, each); });
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_value(
        set, {.names = "--match", .type = "GLOB", .description = "only ids that match: * is any text, ? any character"},
        options->match);
    add_flag(set, {.names = "--blocked", .description = "only organizations that are blocked or revoked"},
             options->blocked);
    declare_page(set, org_sort_fields(), options->page);
    return [options](Context &context) {
        return redraw(context, options->page.view.watch, [&] { return run(*options, context); });
    };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "org list",
    .summary = "list organizations",
    .doc =
        R"(Lists organizations by id: plan, status, how many agents they have (without revoked ones), and how many they
may have. The command shows at most 1000; --all shows all. In JSON, "next" is the cursor for --after (null at the
end).

It also works on a standby.

Exit 0: listed, even if the list is empty.

EXAMPLES
  relay-admin org list
  relay-admin org list --match 'acme-*' --limit 20
  # only the ids, one per line
  relay-admin org list --blocked -o id
)",
    .declare = declare,
};

}  // namespace relay::cli::org_list_command
