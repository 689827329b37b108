#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/shared_flags.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/role.hpp"
#include "cli/output/redraw.hpp"

#include <memory>

namespace relay::cli::role_list_command {

namespace {

struct Options {
    std::optional<std::string> org{};
    PageOptions page{};
};

ExitStatus run(Options const &options, Context &context) {
    ListRoles request{.page = page_request(options.page, role_sort_fields())};
    if (options.org) {
        request.org = OrgId::parse(*options.org);
    }
    browse_list(context, options.page.view, "RoleList", "role_id", sample_role(), role_record,
                [&](EachItem<Role> const &each) { return list_roles(context.database(), request, each); });
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_org_flag(set, "only roles of this organization", options->org);
    declare_page(set, role_sort_fields(), options->page);
    return [options](Context &context) {
        return redraw(context, options->page.view.watch, [&] { return run(*options, context); });
    };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "role list",
    .summary = "list roles",
    .doc =
        R"(Lists roles by organization and id: what each permits, and how many agents have it. `role show` also shows
the conditions of permissions. The command shows at most 1000 roles; --all shows all. In JSON, "next" is the cursor
for --after (null at the end).

It also works on a standby.

Exit 0: listed, even if the list is empty. 3: no such organization.

EXAMPLES
  relay-admin role list --org acme-corp
  # only the ids, one per line
  relay-admin role list --org acme-corp -o id
)",
    .declare = declare,
};

}  // namespace relay::cli::role_list_command
