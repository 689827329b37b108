#include "cli/command.hpp"
#include "cli/command_line/agent_flags.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/command_line/public_key.hpp"
#include "cli/command_line/shared_flags.hpp"
#include "cli/documents/agent.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/new_key.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/output/command_text.hpp"
#include "cli/output/output.hpp"
#include "cli/sink/command/around_delivery.hpp"
#include "relay/crypto/random_ids.hpp"
#include "relay/identity/create_agent.hpp"

#include <memory>

namespace relay::cli::agent_create_command {

namespace {

struct Options {
    SpelledId agent{};
    std::optional<std::string> org{};
    std::optional<std::string> name{};
    std::vector<std::string> permissions{};
    std::optional<std::chrono::seconds> key_max_age{};
    std::optional<Instant> expires_at{};
    OwnerFlags owner{};
    std::optional<std::string> owner_user{};
    std::optional<std::string> public_key{};
    SinkOptions sink{.existing_file = ExistingFile::refuse_at_delivery};
};

CreateAgent read(Options const &options, Context &context) {
    auto const id = options.agent.given();
    require_some_time("--key-max-age", options.key_max_age);
    return {
        .id = id ? AgentId::parse_new(*id) : generate_agent_id(),
        .org = OrgId::parse(options.org.value()),
        .name = DisplayName::parse(options.name.value()),
        .permissions = parse_permissions(options.permissions),
        .key_max_age = options.key_max_age,
        .expires_at = options.expires_at,
        .owner = parse_owner(options.owner.owner),
        .labels = parse_labels(options.owner.labels),
        .owner_user_id = options.owner_user ? std::optional(OwnerUserId::parse(*options.owner_user)) : std::nullopt,
        .public_key = options.public_key ? std::optional(read_public_key(context, *options.public_key, options.sink))
                                         : std::nullopt,
    };
}

ExitStatus run(Options const &options, Context &context) {
    CreateAgent const request = read(options, context);
    auto const sink = request.public_key ? nullptr : open_settled_sink(context, options.sink);
    CreatedAgent const created = create_agent(context.database(), request, context.write_options(), sink.get());

    Document document{.kind = "AgentCreation", .id_key = "agent_id"};
    document.data = created_agent_record(created.agent, created.key, created.delivered_to);
    stamp(document, context, created);
    auto const failure = after_delivery(context, options.sink, created.changed ? created.key : std::nullopt);
    if (failure) {
        document.warnings.push_back(*failure);
    }
    context.output().show(document);
    if (!created.changed) {
        context.output().note("nothing changed: agent " + request.id.text() + " already exists as requested" +
                              (request.public_key ? "" : "; its key cannot be shown again"));
        if (request.public_key) {
            return ExitStatus::ok;
        }
        context.output().note("to give it a new key: " +
                              command_line(context.globals(), {"rotate-key", request.id.text()}));
    }
    return failure ? ExitStatus::partial : ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_new_agent(set, options->agent);
    add_org_flag(set, "its organization", options->org, Need::required);
    add_value(set, {.names = "--name", .description = "display name", .required = true}, options->name);
    add_values(set,
               {.names = "--permissions,--permission",
                .type = "P,...",
                .description = "what it may do: provider:method; * means any"},
               options->permissions, Commas::split);
    add_key_max_age(set, options->key_max_age);
    add_instant(set, {.names = "--expires", .description = "when its key expires (default: never)"},
                options->expires_at);
    declare_owner(set, options->owner);
    declare_owner_user(set, options->owner_user);
    declare_public_key(set, options->public_key);
    declare_sink(set, options->sink);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "agent create",
    .summary = "create an agent with its first key",
    .doc =
        R"(Creates an agent in an organization, with its first API key. If you give no id, the agent gets one: agent_
and 12 characters. An id has 1 to 63 characters from a-z, 0-9, - and _, and begins with a letter or digit. It is
unique in the whole relay, and the agent belongs to its organization permanently.

The key goes to exactly one place: the terminal, or the place you choose with the flags under Secret. If stdout is not
a terminal and you choose no place, the command stops with exit 2 before it touches the database, because a pipe or a
CI log would keep the key. The key is delivered first and becomes live afterwards. If it cannot be delivered, the
command exits 12 and nothing is changed. The database stores only a hash, so the key cannot be shown again.

--deliver CMD puts the key into a store that is not a file: `rotate-key` says how, and what it does not cover.

With --public-key, the agent signs its requests with an Ed25519 key that it made itself. There is no secret to
deliver. FILE has the public key in base64, in PEM, or as a line that begins with ssh-ed25519. The key is staged until
the agent's first request is accepted. `agent keygen` makes a pair, and relay-admin-signing(7) shows the whole way.

--owner-user names the person on whose behalf the agent acts, by the id in that person's tokens. A tenant's reader with the
claim owner_user_id sees the rows of that person's agents only.

--owner says whom to write to about the agent and its keys, and --label gives it a label for your own use (team=payments,
env=prod), at most 32. Lists can be narrowed to both, and `agent update` changes them.

The output for scripts has the ids, the key id, and where the key went ("delivered_to"); "secret" is always null.
Running the command again with the same id and content changes nothing and delivers nothing ("changed": false).

Exit 0: created, or it already existed as requested. 2: stdout is not a terminal, and no place for the key was given.
3: no such organization. 5: the id exists with other content, the organization is blocked, or the public key was
registered before. 6: the organization is at its limit. 12: the key could not be delivered; nothing was changed. With --deliver:
the agent exists with a staged key, and the next command is `rotate-key AGENT --deliver CMD`.

EXAMPLES
  relay-admin agent create --org-id acme-corp --name "Payment Processor" --permissions "stripe:create_payment"
  # the key in an env file, for systemd or docker
  relay-admin agent create payments --org acme-corp --name "Payment Processor" --secret-file payments.env --secret-format env
  # an agent that says whose it is
  relay-admin agent create billing --org acme-corp --name Billing --owner billing@acme.example --label team=payments
  # an agent that signs with its own key
  relay-admin agent create signer --org acme-corp --name Signer --public-key signer.pub
  # several permissions, and a key that expires
  relay-admin agent create audit-bot --org acme-corp --name "Audit" --permissions stripe:read,github:* --expires 2027-01-01T00:00:00Z
  # only the key on stdout; the summary goes to stderr
  relay-admin agent create crm --org acme-corp --name CRM --secret-stdout
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::agent_create_command
