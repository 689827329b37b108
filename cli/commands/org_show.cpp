#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/org.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/documents/standing.hpp"
#include "cli/output/output.hpp"
#include "relay/provision/inspect.hpp"

#include <memory>

namespace relay::cli::commands {

namespace {

struct Options {
    std::optional<std::string> org{};
    std::optional<std::string> id{};
};

Record details_record(OrgDetails const &details) {
    Record record = hide(org_record(details.org), {"status"});
    append(record, org_words(details.org));
    append(record, {
                       people_only("Status", describe_status(details.org.status, details.standing)),
                       {"admin_token_id", "Admin token ID", details.token_id},
                       {"admin_token_created_at", "Token made", details.token_created_at},
                       machine_only("standing", standing_records(details.standing)),
                   });
    return record;
}

ExitStatus run(Options const &options, Context &context) {
    OrgId const org = OrgId::parse(required_spelling("ORG", options.org, "--id", options.id));
    OrgDetails const details = show_org(context.database(), org);

    Document document{.kind = "OrgDetails", .id_key = "org_id"};
    document.data = details_record(details);
    stamp(document, context, details.at, details.db_role);
    context.output().browse(document);
    return ExitStatus::ok;
}

Runner declare(CLI::App &app) {
    auto const options = std::make_shared<Options>();
    add_positional(app, {.names = "ORG", .description = "the organization"}, options->org);
    add_value(app, {.names = "--id,--org,--org-id", .type = "ORG", .description = "the same, as a flag"}, options->id);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const org_show;
Command const org_show{
    .path = "org show",
    .summary = "show an organization",
    .doc =
        R"(Shows an organization: its plan, how many agents it has and may have, whether it is blocked or revoked, by whom and under which
ticket, and the id of its admin token (never the token).

Exit 0: shown. 3: no such organization; ids that are close are named.

EXAMPLES
  relay-admin org show acme-corp
  # one value, for a script
  relay-admin org show acme-corp -o json
)",
    .declare = declare,
};

}  // namespace relay::cli::commands
