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
#include "relay/crypto/random_ids.hpp"
#include "relay/identity/create_org.hpp"

#include <memory>

namespace relay::cli::commands {

namespace {

struct Options {
    SpelledId org{};
    std::optional<std::string> name{};
    OrgSettingFlags settings{};
    SinkOptions token{.existing_file = ExistingFile::refuse_at_delivery};
};

CreateOrg read(Options const &options) {
    auto const id = options.org.given();
    return {
        .id = id ? OrgId::parse(*id) : generate_org_id(),
        .name = DisplayName::parse(options.name.value()),
        .settings = org_settings(options.settings),
    };
}

ExitStatus run(Options const &options, Context &context) {
    CreateOrg const request = read(options);
    auto const sink = open_settled_token_sink(context, options.token);
    CreatedOrg const created = create_org(context.database(), request, context.write_options(), sink.get());

    Document document{.kind = "OrgCreation", .id_key = "org_id"};
    document.data = org_record(created.org);
    append(document.data, org_words(created.org));
    append(document.data, token_record(created.token, created.changed ? sink.get() : nullptr, context.globals()));
    stamp(document, context, created);
    context.output().show(document);
    if (!created.changed) {
        context.output().note("nothing changed: organization " + request.id.text() + " exists already, as asked");
        if (sink) {
            context.output().note("no admin token was made; a new one: " +
                                  command_line(context.globals(), {"org", "update", request.id.text(), "--admin-token",
                                                                   request.id.text() + ".token"}));
        }
    }
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_new_org(set, options->org);
    add_value(set, {.names = "--name", .description = "name for people", .required = true}, options->name);
    declare_org_settings(set, options->settings, true);
    declare_compact_sink(set, options->token, "--admin-token",
                         "make an admin token; it goes to FILE, stdout, terminal or fd:N");
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const org_create;
Command const org_create{
    .path = "org create",
    .summary = "create an organization",
    .doc =
        R"(Creates an organization: the tenant to which agents belong. Without an id it gets one, org_ and 12 characters.

An id is 1 to 63 of a-z, 0-9, - and _, and begins with a letter or digit. It is for ever. The plan says how many agents the
organization may have that are not revoked: free 1, paid any number; --max-agents beats the plan. Keys of its agents are due for
rotation at the age --key-max-age, 90 days if nothing is said; a key that is due still works.

Gateways ask for a key on every call. With --auth-mode optional they let calls without one through as well, and record them: for a relay
whose agents are still to get theirs. org show counts who calls so; org update --auth-mode required ends it.

With --admin-token an admin token is made as well, and delivered before the organization exists: to a new file of mode 0600, to
stdout, to the terminal or to an inherited descriptor (fd:3). It is stored as a hash alone and cannot be shown again.

Run again with the same content it changes nothing, makes no token, and says so ("changed": false). Nothing is ever
overwritten.

Exit 0: created, or there already as asked. 5: the id exists with other content, and the fields that differ are named. 12: the admin token
could not be delivered; nothing was changed.

EXAMPLES
  relay-admin org create --name "Acme Corp" --id acme-corp
  # more than one agent, keys rotated each month
  relay-admin org create acme-corp --name "Acme Corp" --plan paid --key-max-age 30d
  # its id alone, for a script
  relay-admin org create --name "Acme Corp" -o id
  # with an admin token in a file
  relay-admin org create acme-corp --name "Acme Corp" --admin-token acme.token
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::commands
