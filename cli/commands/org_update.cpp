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
            ErrorKind::usage, "nothing to change is given",
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
        "{} called without a key in the last 7 days and will now be refused, {} first; to let them in again: {}",
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
        context.output().note("nothing changed: organization " + request.id.text() + " is as asked already");
    }
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_org(set, options->org);
    add_value(set, {.names = "--name", .description = "new name for people"}, options->name);
    declare_org_settings(set, options->settings, false);
    declare_compact_sink(set, options->token, "--admin-token",
                         "replace the admin token; the new one goes to FILE, stdout, terminal or fd:N");
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const org_update;
Command const org_update{
    .path = "org update",
    .summary = "change an organization's name, plan, limits or token",
    .doc =
        R"(Changes what is given, and nothing else, and prints the organization as it then is. What is already as asked changes nothing
("changed": false); "changed_fields" names what did change.

A smaller plan or --max-agents ends no agent: it only stops new ones. Another --key-max-age counts for keys made from then on.

With --auth-mode required, calls without a key are refused from the gateways' next check; who called so in the last 7 days is counted in a
warning, and org show names them before. --auth-mode optional lets them through again.

With --admin-token a fresh admin token replaces the old one at once, without a grace: the new one is delivered first, then the old
one ends in the same transaction.

Exit 0: changed, or as asked already. 2: nothing to change is given. 3: no such organization. 12: the admin token could not be delivered;
nothing was changed.

EXAMPLES
  relay-admin org update acme-corp --plan paid
  relay-admin org update acme-corp --name "Acme Corporation" --key-max-age 30d
  # every agent has its key: no call without one any more
  relay-admin org update acme-corp --auth-mode required
  # a new admin token in the place of the old
  relay-admin org update acme-corp --admin-token acme.token --replace
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::commands
