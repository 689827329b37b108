#include "cli/command.hpp"
#include "cli/command_line/agent_flags.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/command_line/shared_flags.hpp"
#include "cli/documents/agent.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/output/output.hpp"
#include "relay/identity/create_agent.hpp"

#include <memory>

namespace relay::cli::agent_update_command {

namespace {

struct Options {
    SpelledId agent{};
    std::optional<std::string> name{};
    std::vector<std::string> add_permissions{};
    std::vector<std::string> remove_permissions{};
    AgeOrNone key_max_age{};
    OwnerFlags owner{};
    bool no_owner = false;
    std::optional<std::string> owner_user{};
    bool no_owner_user = false;
    std::vector<std::string> remove_labels{};
};

UpdateAgent read(Options const &options) {
    if (!options.name && options.add_permissions.empty() && options.remove_permissions.empty() &&
        !options.key_max_age.given() && !options.owner.owner && !options.no_owner && options.owner.labels.empty() &&
        options.remove_labels.empty() && !options.owner_user && !options.no_owner_user) {
        throw Error(
            ErrorKind::usage, "nothing to change was given",
            {.next = "give one or more of --name, --owner, --owner-user, --label, --remove-label, --add-permission, "
                     "--remove-permission, --key-max-age"});
    }
    at_most_one({{"--owner", options.owner.owner.has_value()}, {"--no-owner", options.no_owner}});
    at_most_one({{"--owner-user", options.owner_user.has_value()}, {"--no-owner-user", options.no_owner_user}});
    UpdateAgent request{.id = AgentId::parse(options.agent.required())};
    if (options.name) {
        request.name = DisplayName::parse(*options.name);
    }
    request.add_permissions = parse_permissions(options.add_permissions);
    request.remove_permissions = parse_permissions(options.remove_permissions);
    request.key_max_age = options.key_max_age.age;
    request.default_key_max_age = options.key_max_age.none;
    request.owner = parse_owner(options.owner.owner);
    request.no_owner = options.no_owner;
    request.owner_user_id = options.owner_user ? std::optional(OwnerUserId::parse(*options.owner_user)) : std::nullopt;
    request.no_owner_user = options.no_owner_user;
    request.labels = parse_labels(options.owner.labels);
    for (std::string const &name : options.remove_labels) {
        request.remove_labels.push_back(LabelName::parse(name));
    }
    for (Permission const &permission : request.add_permissions) {
        if (std::find(request.remove_permissions.begin(), request.remove_permissions.end(), permission) !=
            request.remove_permissions.end()) {
            throw Error(ErrorKind::usage, "permission " + permission.text() +
                                              " is given to both --add-permission and --remove-permission");
        }
    }
    return request;
}

ExitStatus run(Options const &options, Context &context) {
    UpdateAgent const request = read(options);
    UpdatedAgent const updated = update_agent(context.database(), request, context.write_options());

    Document document{.kind = "AgentUpdate", .id_key = "agent_id"};
    document.data = agent_record(updated.agent);
    append(document.data, {
                              people_only("Labels", describe_labels(updated.agent.labels)),
                              people_only("Acts for", updated.agent.owner_user_id),
                              people_only("Key max age", describe_key_max_age(updated.agent)),
                              {"changed_fields", "Changed", updated.fields},
                          });
    stamp(document, context, updated);
    context.output().show(document);
    if (!updated.changed) {
        context.output().note("nothing changed: agent " + request.id.text() + " is already as requested");
    }
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_agent(set, options->agent);
    add_value(set, {.names = "--name", .description = "new display name"}, options->name);
    add_values(set,
               {.names = "--add-permission",
                .type = "P,...",
                .description = "permissions to add: provider:method; * means any"},
               options->add_permissions, Commas::split);
    add_values(set, {.names = "--remove-permission", .type = "P,...", .description = "permissions to remove"},
               options->remove_permissions, Commas::split);
    add_key_max_age_or_none(set, "the organization's", options->key_max_age);
    declare_owner(set, options->owner);
    add_flag(set, {.names = "--no-owner", .description = "remove its owner"}, options->no_owner);
    declare_owner_user(set, options->owner_user);
    add_flag(set, {.names = "--no-owner-user", .description = "it acts for no person any more"},
             options->no_owner_user);
    add_values(set, {.names = "--remove-label", .type = "NAME", .description = "remove a label"},
               options->remove_labels);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "agent update",
    .summary = "change an agent's name, owner, labels, permissions, key age",
    .doc =
        R"(Changes only what you give, and prints the agent as it is afterwards. If everything is already as
requested, nothing changes ("changed": false). "changed_fields" lists what changed. The agent's key and organization
stay the same.

Permissions are added and removed by name, as by `agent grant` and `agent revoke-permission`. Adding a permission that
the agent already has keeps its conditions; removing one that it does not have is not an error. Gateways use the new
permissions from the next call that they check. A new --key-max-age applies to keys created from then on; with none, the
age of the organization applies again.

--owner-user names the person on whose behalf the agent acts, by the id in that person's tokens. A tenant's reader with the
claim owner_user_id sees the rows of that person's agents only.

--label sets a label, or gives it another value; all other labels stay. Removing a label that the agent does not have is
not an error.

Exit 0: changed, or already as requested. 2: nothing to change was given. 3: no such agent.

EXAMPLES
  relay-admin agent update payments --name "Payment Processor 2"
  relay-admin agent update payments --add-permission stripe:refund --remove-permission 'stripe:*'
  relay-admin agent update payments --key-max-age 30d
  relay-admin agent update payments --owner payments@acme.example --label env=prod --remove-label trial
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::agent_update_command
