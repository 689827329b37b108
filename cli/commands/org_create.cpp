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

namespace relay::cli::org_create_command {

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
        context.output().note("nothing changed: organization " + request.id.text() + " already exists as requested");
        if (sink) {
            context.output().note("no admin token was made; to make a new one: " +
                                  command_line(context.globals(), {"org", "update", request.id.text(), "--admin-token",
                                                                   request.id.text() + ".token"}));
        }
    }
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_new_org(set, options->org);
    add_value(set, {.names = "--name", .description = "display name", .required = true}, options->name);
    declare_org_settings(set, options->settings, true);
    declare_compact_sink(set, options->token, "--admin-token",
                         "make an admin token and write it to FILE, stdout, terminal or fd:N");
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "org create",
    .summary = "create an organization",
    .doc =
        R"(Creates an organization: the tenant that agents belong to. If you give no id, it gets one: org_ and 12
characters.

An id has 1 to 63 characters from a-z, 0-9, - and _, and begins with a letter or digit. It cannot be changed. The plan
limits how many agents the organization may have (revoked agents do not count): free 1, paid any number; --max-agents
overrides the plan. Keys of its agents are due for rotation at the age of --key-max-age (default 90 days; none: age
alone makes no key due); a key that is due still works.

Normally gateways require a key on every call. With --auth-mode optional they also accept calls without a key, and
record them: use this for a relay whose agents do not have their keys yet. `org show` counts the agents that call
without a key; `org update` with --auth-mode required ends it.

With --admin-token the command also makes an admin token, and delivers it before the organization exists: to a new
file of mode 0600, to stdout, to the terminal, or to an inherited descriptor (fd:3). The database stores only a hash,
so the token cannot be shown again.

Running the command again with the same content changes nothing, makes no token, and says so ("changed": false).
Nothing is ever overwritten.

Exit 0: created, or it already existed as requested. 5: the id exists with other content; the message names the fields
that differ. 12: the admin token could not be delivered; nothing was changed.

EXAMPLES
  relay-admin org create --name "Acme Corp" --id acme-corp
  # more than one agent; keys are due each month
  relay-admin org create acme-corp --name "Acme Corp" --plan paid --key-max-age 30d
  # only the id, for a script
  relay-admin org create --name "Acme Corp" -o id
  # with an admin token in a file
  relay-admin org create acme-corp --name "Acme Corp" --admin-token acme.token
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::org_create_command
