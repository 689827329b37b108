#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/command_line/shared_flags.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/new_key.hpp"
#include "cli/documents/org.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/output/command_text.hpp"
#include "cli/output/output.hpp"
#include "relay/identity/create_org.hpp"
#include "relay/model/format_text.hpp"
#include "relay/model/text.hpp"

#include <fmt/format.h>

#include <memory>

namespace relay::cli::commands {

namespace {

struct Options {
    SpelledId org{};
    std::optional<std::string> name{};
    OrgSettingFlags settings{};
    SinkOptions token{};
};

UpdateOrg read(Options const &options) {
    if (!options.name && !options.settings.any() && !options.token.asked()) {
        throw Error(
            ErrorKind::usage, "nothing to change was given",
            {.next = "give one or more of --name, --plan, --max-agents, --key-max-age, --auth-mode, --admin-token"});
    }
    UpdateOrg request{.id = OrgId::parse(options.org.required()), .settings = org_settings(options.settings)};
    if (options.name) {
        request.name = DisplayName::parse(*options.name);
    }
    return request;
}

std::string shut_out_warning(UpdatedOrg const &updated, Globals const &globals) {
    return fmt::format(
        "{} called without a key in the last 7 days and will now be refused, beginning with {}; to accept such calls "
        "again: {}",
        counted(updated.keyless.callers, "agent"),
        updated.keyless.latest.front().agent_id.value_or("one that gave no id"),
        command_line(globals, {"org", "update", updated.org.org_id.text(), "--auth-mode", "optional"}));
}

ExitStatus run(Options const &options, Context &context) {
    UpdateOrg const request = read(options);
    auto const sink = open_settled_token_sink(context, options.token);
    UpdatedOrg const updated = update_org(context.database(), request, context.write_options(), sink.get());

    Document document{.kind = "OrgUpdate", .id_key = "org_id"};
    document.data = org_record(updated.org);
    append(document.data, org_words(updated.org));
    document.data.push_back({"changed_fields", "Changed", updated.fields});
    append(document.data, token_record(updated.token, sink.get(), context.globals()));
    stamp(document, context, updated);
    if (updated.keyless.callers > 0) {
        document.warnings.push_back(shut_out_warning(updated, context.globals()));
    }
    context.output().show(document);
    if (!updated.changed) {
        context.output().note("nothing changed: organization " + request.id.text() + " is already as requested");
    }
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_org(set, options->org);
    add_value(set, {.names = "--name", .description = "new display name"}, options->name);
    declare_org_settings(set, options->settings, false);
    declare_compact_sink(set, options->token, "--admin-token",
                         "replace the admin token, and write it to FILE, stdout, terminal or fd:N");
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const org_update;
Command const org_update{
    .path = "org update",
    .summary = "change an organization's name, plan, limits or token",
    .doc =
        R"(Changes only what you give, and prints the organization as it is afterwards. If everything is already as
requested, nothing changes ("changed": false). "changed_fields" lists what changed.

A smaller plan or --max-agents ends no agent; it only prevents new ones. A new --key-max-age applies to keys created
from then on; with none, age alone does not make them due.

With --auth-mode required, gateways refuse calls without a key from their next check on. A warning counts the agents
that made such calls in the last 7 days; `org show` names them beforehand. --auth-mode optional accepts such calls
again.

With --admin-token a new admin token replaces the old one immediately, without a grace period: the new one is
delivered first, and the old one ends when the command commits.

Exit 0: changed, or already as requested. 2: nothing to change was given. 3: no such organization. 12: the admin token
could not be delivered; nothing was changed.

EXAMPLES
  relay-admin org update acme-corp --plan paid
  relay-admin org update acme-corp --name "Acme Corporation" --key-max-age 30d
  # every agent has its key: refuse calls without one
  relay-admin org update acme-corp --auth-mode required
  # replace the admin token
  relay-admin org update acme-corp --admin-token acme.token --replace
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::commands
