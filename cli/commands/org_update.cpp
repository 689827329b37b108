#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/arguments.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/issued_key.hpp"
#include "cli/documents/org.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/output/output.hpp"
#include "relay/provision/create_org.hpp"

#include <memory>

namespace relay::cli::commands {

namespace {

struct Options {
    std::optional<std::string> org{};
    std::optional<std::string> id{};
    std::optional<std::string> name{};
    std::optional<std::string> plan{};
    std::optional<std::int64_t> max_agents{};
    std::optional<std::chrono::seconds> key_max_age{};
    SinkOptions token{};
};

UpdateOrg read(Options const &options) {
    if (!options.name && !options.plan && !options.max_agents && !options.key_max_age && !options.token.asked()) {
        throw Error(ErrorKind::usage, "nothing to change is given",
                    {.next = "give one or more of --name, --plan, --max-agents, --key-max-age, --admin-token"});
    }
    require_some_time("--key-max-age", options.key_max_age);
    UpdateOrg request{.id = OrgId::parse(required_spelling("ORG", options.org, "--id", options.id))};
    if (options.name) {
        request.name = DisplayName::parse(*options.name);
    }
    if (options.plan) {
        request.plan = parse_plan(*options.plan);
    }
    request.max_agents = options.max_agents;
    request.key_max_age = options.key_max_age;
    return request;
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
    context.output().show(document);
    if (!updated.changed) {
        context.output().note("nothing changed: organization " + request.id.text() + " is as asked already");
    }
    return ExitStatus::ok;
}

Runner declare(CLI::App &app) {
    auto const options = std::make_shared<Options>();
    add_positional(app, {.names = "ORG", .description = "the organization"}, options->org);
    add_value(app, {.names = "--id,--org,--org-id", .type = "ORG", .description = "the same, as a flag"}, options->id);
    add_value(app, {.names = "--name", .description = "new name for people"}, options->name);
    add_choice(app, {.names = "--plan", .description = "free: one agent; paid: no limit"}, {"free", "paid"},
               options->plan);
    add_integer(app, {.names = "--max-agents", .description = "how many agents it may have, whatever its plan"},
                {.min = 0, .max = 10'000'000}, options->max_agents);
    add_key_max_age(app, options->key_max_age);
    declare_compact_sink(app, options->token, "--admin-token",
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

With --admin-token a fresh admin token replaces the old one at once, without a grace: the new one is delivered first, then the old
one ends in the same transaction.

Exit 0: changed, or as asked already. 2: nothing to change is given. 3: no such organization. 12: the admin token could not be delivered;
nothing was changed.

EXAMPLES
  relay-admin org update acme-corp --plan paid
  relay-admin org update acme-corp --name "Acme Corporation" --key-max-age 30d
  # a new admin token in the place of the old
  relay-admin org update acme-corp --admin-token acme.token --replace
)",
    .declare = declare,
};

}  // namespace relay::cli::commands
