#include "cli/command.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/schema.hpp"
#include "cli/output/advice_text.hpp"
#include "cli/output/output.hpp"

namespace relay::cli::schema_status_command {

namespace {

Advice advice_for(SchemaReport const &report) {
    switch (report.status.state) {
        case SchemaState::current: return {};
        case SchemaState::absent:
        case SchemaState::behind:
        case SchemaState::convertible: return advise(Act::apply_schema);
        case SchemaState::ahead: return "use the newer relay-admin that migrated this database";
        case SchemaState::edited: return report.obstacle->hint().next;
        case SchemaState::incomplete: break;
    }
    return "if the schemas relay and relay_api have nothing of value, drop them; otherwise restore a backup";
}

ExitStatus run(Context &context) {
    SchemaReport const report = report_schema(context.database());
    browse(context, schema_status_document(report), report.at, report.db_role);
    if (report.status.state == SchemaState::current) {
        return ExitStatus::ok;
    }
    if (report.status.state == SchemaState::edited) {
        context.output().note(report.obstacle->message());
    }
    for (std::string const &line : advice_lines(advice_for(report), context.globals())) {
        context.output().note("next: " + line);
    }
    return exit_status(ErrorKind::schema);
}

Runner declare(OptionSet &) { return run; }

}  // namespace

extern Command const command;
Command const command{
    .path = "schema status",
    .summary = "show whether the database schema fits this program",
    .doc =
        R"(Lists the migrations that relay-admin has and those that the database has recorded, and names the state:

  current     every migration is applied, with the same text as in this program
  absent      there is no relay schema yet: use schema apply
  behind      the last migrations are missing: use schema apply
  ahead       a newer relay-admin has migrated the database; this one refuses to use it
  edited      a migration was applied with a different text, or an unreleased relay-admin made the database
  convertible the last relay-admin before release 0.1.0 made the database: schema apply converts it
  incomplete  an earlier migration is missing, or there is a schema relay that schema apply did not make

The command changes nothing, and also works on a standby. It compares records and checksums. To check whether tables,
functions and grants are still as the migrations made them, use `schema verify`.

Exit 0: the state is current. 11: any other state; the report is on stdout either way.

EXAMPLES
  relay-admin schema status
  # in a script
  relay-admin schema status -o json)",
    .declare = declare,
};

}  // namespace relay::cli::schema_status_command
