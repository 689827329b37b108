#include "cli/documents/init.hpp"
#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/command_line/shared_flags.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/new_key.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/input/prompt.hpp"
#include "cli/output/advice_text.hpp"
#include "cli/output/command_text.hpp"
#include "cli/output/output.hpp"
#include "cli/sink/command/around_delivery.hpp"
#include "cli/sink/database_judge.hpp"
#include "relay/health/whoami.hpp"

#include <memory>

namespace relay::cli::init_command {

namespace {

struct Options {
    std::optional<std::string> org_id{};
    std::optional<std::string> org_name{};
    std::optional<std::string> agent_id{};
    std::optional<std::string> agent_name{};
    std::vector<std::string> permissions{};
    std::optional<std::string> plan{};
    SinkOptions sink{.existing_file = ExistingFile::refuse_at_delivery};
};

/// Asks until the answer is valid, and says what is wrong with one that is not. An empty answer means `proposal`.
template <typename Parse>
void ask(Context &context, std::string const &what, std::string const &proposal, std::optional<std::string> &target,
         Parse parse) {
    while (!target) {
        std::string const answer = context.prompt().ask(what, proposal);
        try {
            parse(answer);
            target = answer;
        } catch (Error const &error) {
            std::string const next = first_advice(error.hint().next, context.globals());
            context.output().warn(error.message() + (next.empty() ? "" : " (" + next + ')'));
        }
    }
}

bool names_are_missing(Options const &options) { return !options.org_id || !options.org_name || !options.agent_name; }

[[noreturn]] void refuse_missing(Options const &options) {
    std::string missing;
    for (auto const &[flag, value] :
         {std::pair("--org-id", &options.org_id), std::pair("--org-name", &options.org_name),
          std::pair("--agent-name", &options.agent_name)}) {
        missing += *value ? "" : (missing.empty() ? "" : ", ") + std::string(flag);
    }
    throw Error(ErrorKind::usage, "missing: " + missing,
                {.why = "the first organization and the first agent need names; at a terminal, init asks for them",
                 .next = own_command({"init", "--org-id", "acme-corp", "--org-name", "Acme Corp", "--agent-name",
                                      "Payment Processor"})});
}

std::string describe_server(WhoAmI const &who) {
    std::string const port = who.link.host.starts_with('/') ? "" : ":" + who.link.port;
    return who.database + " at " + who.link.host + port + ", as " + who.current_user;
}

std::string describe_schema_step(WhoAmI const &who) {
    std::string const known = std::to_string(who.known_schema_version);
    if (who.schema_state == SchemaState::absent) {
        return "will be created (version " + known + ")";
    }
    if (who.schema_state == SchemaState::behind) {
        return "will be migrated from version " + std::to_string(who.schema_version.value_or(0)) + " to " + known;
    }
    return "version " + std::to_string(who.schema_version.value_or(0)) + " is installed and stays as it is";
}

std::string describe_key_way(SinkOptions const &sink) {
    if (sink.secret_file) {
        return "written to " + *sink.secret_file + " (mode 0600)";
    }
    return sink.asked() ? "goes where the flags say" : "shown here once; it is not stored and cannot be shown again";
}

void ask_for_names(Options &options, Context &context) {
    auto const is_org = [](std::string const &text) { OrgId::parse(text); };
    auto const is_name = [](std::string const &text) { DisplayName::parse(text); };
    ask(context, "Organization id", "acme-corp", options.org_id, is_org);
    ask(context, "Organization name", *options.org_id, options.org_name, is_name);
    ask(context, "Name of its first agent", "First agent", options.agent_name, is_name);
}

/// Walks a person through the first run: what will be done and where, the questions that no flag answers, the whole
/// plan, and a last question. The database is contacted first, so that you do not answer questions for one that cannot
/// be reached.
void walk_through(Options &options, Context &context) {
    Output &output = context.output();
    WhoAmI const who = who_am_i(context.database());
    output.note("This creates the first organization, its first agent and the agent's key, in one transaction.");
    output.note("Database  " + describe_server(who));
    output.note("Schema    " + describe_schema_step(who));
    output.note("");
    ask_for_names(options, context);
    output.note("");
    output.note("Organization  " + *options.org_id + " (" + *options.org_name + ")");
    output.note("Agent         " + options.agent_id.value_or("generated id") + " (" + *options.agent_name + ")");
    output.note("Its key       " + describe_key_way(options.sink));
    if (!context.globals().dry_run) {
        context.prompt().confirm("Create them?");
    }
}

Initialize read(Options const &options) {
    Initialize request{
        .org = {.id = OrgId::parse(*options.org_id),
                .name = DisplayName::parse(*options.org_name),
                .settings = org_settings({.plan = options.plan})},
        .agent_name = DisplayName::parse(*options.agent_name),
        .permissions = parse_permissions(options.permissions),
    };
    if (options.agent_id) {
        request.agent_id = AgentId::parse_new(*options.agent_id);
    }
    return request;
}

/// Reports what is wrong with a flag before any question is asked.
void check_given(Options const &options) {
    Options filled = options;
    filled.org_id = options.org_id.value_or("o");
    filled.org_name = options.org_name.value_or("o");
    filled.agent_name = options.agent_name.value_or("a");
    read(filled);
}

/// Asks nothing if all names are given: that is a script, or a person who knows.
ExitStatus run(Options options, Context &context) {
    bool const walks = names_are_missing(options);
    if (walks && (!context.prompt().can_ask() || context.globals().yes)) {
        refuse_missing(options);
    }
    check_given(options);
    auto const sink = open_sink(options.sink, context.output());
    if (walks) {
        walk_through(options, context);
    }
    Initialize const request = read(options);
    if (!context.globals().dry_run) {
        settle_sink(context, *sink);
    }
    Initialized const made = initialize(context.database(), request, context.write_options(), *sink);

    Document document{.kind = "Init", .id_key = "agent_id"};
    document.data = init_record(made);
    stamp(document, context, made);
    auto const failure = after_delivery(context, options.sink, made.changed ? made.key : std::nullopt);
    if (failure) {
        document.warnings.push_back(*failure);
    }
    context.output().show(document);
    tell_next_steps(made, options.sink, context);
    return failure ? ExitStatus::partial : ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_value(set, {.names = "--org-id,--org", .type = "ID", .description = "id of the first organization"},
              options->org_id);
    add_value(set, {.names = "--org-name", .type = "NAME", .description = "its display name"}, options->org_name);
    add_value(
        set, {.names = "--agent-id,--agent", .type = "ID", .description = "id of the first agent (default: generated)"},
        options->agent_id);
    add_value(set, {.names = "--agent-name", .type = "NAME", .description = "its display name"}, options->agent_name);
    add_values(set,
               {.names = "--permissions,--permission",
                .type = "P,...",
                .description = "what it may do: provider:method; * means any"},
               options->permissions, Commas::split);
    add_choice(set, {.names = "--plan", .description = "free: one agent; paid: no limit (default: free)"},
               {"free", "paid"}, options->plan);
    declare_sink(set, options->sink);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "init",
    .summary = "first run: create schema, organization, agent and key",
    .doc =
        R"(Turns an empty database into one with a first working agent, in one transaction: the schema, an
organization, an agent and its API key. Either all of this exists afterwards, or nothing.

At a terminal the command asks for the names that you did not give. First it shows which database it will use, as
which role, and what will happen to the schema. Then it shows the plan and asks once more before it begins. If you
give all names, it asks nothing.

The key goes to exactly one place: the terminal, or the place you choose with the flags under Secret. It is delivered
first and becomes live afterwards. If stdout is not a terminal and you choose no place, the command stops with exit 2
before it touches the database. --deliver CMD puts the key into a store that is not a file: see `rotate-key`.

Running it again with the same flags changes nothing and delivers nothing ("changed": false). It never resets,
re-enables or overwrites anything. If the database has other organizations, or these with other content, the command
exits 5: use `org create` and `agent create` there. The database role must be allowed to create schemas.

Exit 0: done, or already as requested. 2: a name is missing, or stdout is not a terminal and no place for the key was
given. 5: the database has other organizations, or these with other content. 12: the key could not be delivered;
nothing was changed. With --deliver: all of it exists, with a staged key; the next command is
`rotate-key AGENT --deliver CMD`.

EXAMPLES
  # to try it out: a private PostgreSQL, started on demand
  relay-admin --sandbox init --org-id acme-corp --org-name "Acme Corp" --agent-name "Payment Processor"
  # the key in an env file
  relay-admin init --org-id acme-corp --org-name "Acme Corp" --agent-name "Payment Processor" --secret-file payment.env --secret-format env
)",
    .declare = declare,
    .audience = Audience::set_up,
    .rank = 1,
    .effect = Effect::changes,
};

}  // namespace relay::cli::init_command
