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
#include "cli/sink/database_judge.hpp"
#include "relay/health/whoami.hpp"

#include <memory>

namespace relay::cli::commands {

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

/// Asks until the answer is a valid one; an empty answer takes `proposal`. What is wrong is said, and asked again.
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
                {.why = "the first organization and the first agent need a name; at a terminal they are asked for",
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
        return "made (version " + known + ")";
    }
    if (who.schema_state == SchemaState::behind) {
        return "brought from version " + std::to_string(who.schema_version.value_or(0)) + " to " + known;
    }
    return "there, version " + std::to_string(who.schema_version.value_or(0)) + ": it stays as it is";
}

std::string describe_key_way(SinkOptions const &sink) {
    if (sink.secret_file) {
        return "written to " + *sink.secret_file + " (mode 0600)";
    }
    return sink.asked() ? "goes where the flags say" : "shown here, once; it is not stored and cannot be shown again";
}

void ask_for_names(Options &options, Context &context) {
    auto const is_org = [](std::string const &text) { OrgId::parse(text); };
    auto const is_name = [](std::string const &text) { DisplayName::parse(text); };
    ask(context, "Organization id", "acme-corp", options.org_id, is_org);
    ask(context, "Organization name", *options.org_id, options.org_name, is_name);
    ask(context, "Name of its first agent", "First agent", options.agent_name, is_name);
}

/// The walk-through: what will be done and where, the questions that no flag answers, the whole plan, and one last question. The database is
/// asked first, so that nobody answers questions for a database that is not there.
void walk_through(Options &options, Context &context) {
    Output &output = context.output();
    WhoAmI const who = who_am_i(context.database());
    output.note("This makes the first organization, its first agent, and the agent's key, in one transaction.");
    output.note("Database  " + describe_server(who));
    output.note("Schema    " + describe_schema_step(who));
    output.note("");
    ask_for_names(options, context);
    output.note("");
    output.note("Organization  " + *options.org_id + " (" + *options.org_name + ")");
    output.note("Agent         " + options.agent_id.value_or("an id of its own") + " (" + *options.agent_name + ")");
    output.note("Its key       " + describe_key_way(options.sink));
    if (!context.globals().dry_run) {
        context.prompt().confirm("Make them?");
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

/// What is wrong with a flag is said before anything is asked.
void check_given(Options const &options) {
    Options filled = options;
    filled.org_id = options.org_id.value_or("o");
    filled.org_name = options.org_name.value_or("o");
    filled.agent_name = options.agent_name.value_or("a");
    read(filled);
}

/// Who gives all names is not asked: a script, or a person who knows.
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
    context.output().show(document);
    tell_next_steps(made, options.sink, context);
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_value(set, {.names = "--org-id,--org", .type = "ID", .description = "id of the first organization"},
              options->org_id);
    add_value(set, {.names = "--org-name", .type = "NAME", .description = "its name for people"}, options->org_name);
    add_value(
        set, {.names = "--agent-id,--agent", .type = "ID", .description = "id of the first agent (default: generated)"},
        options->agent_id);
    add_value(set, {.names = "--agent-name", .type = "NAME", .description = "its name for people"},
              options->agent_name);
    add_values(set,
               {.names = "--permissions,--permission",
                .type = "P,...",
                .description = "what it may do: provider:method, * for any"},
               options->permissions, Commas::split);
    add_choice(set, {.names = "--plan", .description = "free: one agent; paid: no limit (default: free)"},
               {"free", "paid"}, options->plan);
    declare_sink(set, options->sink);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const init;
Command const init{
    .path = "init",
    .summary = "first run: schema, first organization, first agent",
    .doc =
        R"(Takes an empty database to the first working agent, in one transaction: the schema, an organization, an agent and its API key. Either
all of it is there afterwards, or nothing. At a terminal it asks for the names that no flag gives: it says first which database that is, as
which role, and what becomes of the schema, shows the plan, and asks once more before it begins. With all names given it asks nothing.

The key leaves by one way: the terminal, or the flags under Secret; it is delivered first and goes live afterwards. Without such a
flag, and with stdout no terminal, the command stops with exit 2 before it touches the database.

Run again with the same flags it changes nothing and delivers nothing ("changed": false); it never resets, re-enables or
overwrites anything. A database that holds other organizations, or these with other content, is exit 5: use `org create` and `agent
create` there. The role needs the right to create schemas in the database.

Exit 0: done, or there already as asked. 2: a name is missing; or no way for the key was named, and stdout is no terminal. 5: the database
holds other organizations, or these with other content. 12: the key could not be delivered; nothing was changed.

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

}  // namespace relay::cli::commands
