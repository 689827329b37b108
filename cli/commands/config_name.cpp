#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/context.hpp"
#include "cli/documents/database_name.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/output/command_text.hpp"
#include "cli/output/output.hpp"
#include "relay/naming/name_database.hpp"

#include <memory>

namespace relay::cli::config_name_command {

namespace {

struct Options {
    std::optional<std::string> name{};
    bool production = false;
    bool no_production = false;
};

NameDatabase read(Options const &options) {
    NameDatabase request;
    if (options.name) {
        request.name = DatabaseName::parse(*options.name);
    }
    if (options.production || options.no_production) {
        request.production = options.production;
    }
    return request;
}

ExitStatus run(Options const &options, Context &context) {
    at_most_one({{"--production", options.production}, {"--no-production", options.no_production}});
    NameDatabase const request = read(options);
    bool const only_shows = !request.name && !request.production;
    NamedDatabase const named = only_shows ? read_database_name(context.database())
                                           : name_database(context.database(), request, context.write_options());
    if (named.changed && !context.globals().dry_run) {
        read_database_name(context.database());  // so that what follows shows the new name
    }
    Document document{.kind = "DatabaseName", .id_key = "database_name", .data = label_record(named.label)};
    document.data.push_back({"previous_name", "", named.before.name});
    document.data.push_back({"previous_production", "", named.before.production});
    stamp(document, context, named);
    context.output().show(document);
    if (!named.label.name) {
        context.output().note("the database has no name; name it: " +
                              command_line(context.globals(), {"config", "name", "NAME"}));
    } else if (!only_shows && !named.changed) {
        context.output().note("nothing changed: this is its name and its mark already");
    }
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_flag(set, {.names = "--production", .description = "mark the database as production"}, options->production);
    add_flag(set, {.names = "--no-production", .description = "take that mark away"}, options->no_production);
    add_positional(set, {.names = "NAME", .description = "the new name, 1 to 63 bytes"}, options->name);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "config name",
    .summary = "show or set the name of the database in use",
    .doc =
        R"doc(Gives the database a name, so that you always see where you are: each command that changes something prints
it, `whoami` shows it, and a question about a whole organization, the shared secret or the end of many keys asks you
to type it. With --production the name is followed by "(production)". In JSON, "meta" has "database" with the name and
the mark.

Without NAME and flags, the command only shows the name. A new name keeps the mark, and --production or
--no-production without NAME keeps the name. The audit trail records each change as database_named.

The name is stored in the database, in the comment of schema relay, so every login can read it. A dump contains it:
name a restored copy anew. To set it, the login must be in relay_provisioner. If schema relay has another comment, the
command refuses to replace it.

Exit 0: the name is shown, or set, now or before. 2: NAME is not a valid name. 4: the login may not set it. 5: there is
no name to mark, or schema relay has another comment.

EXAMPLES
  relay-admin config name
  relay-admin config name eu-west --production
  # a copy of it, restored for tests
  relay-admin config name eu-west-copy --no-production)doc",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::config_name_command
