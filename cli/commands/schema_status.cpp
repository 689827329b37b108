#include "cli/command.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/schema.hpp"
#include "cli/output/advice_text.hpp"
#include "cli/output/output.hpp"

namespace relay::cli::commands {

namespace {

Advice advice_for(SchemaReport const &report) {
    switch (report.status.state) {
        case SchemaState::current: return {};
        case SchemaState::absent:
        case SchemaState::behind: return advise(Act::apply_schema);
        case SchemaState::ahead: return "use the newer version of this program that migrated this database";
        case SchemaState::edited: return report.obstacle->hint().next;
        case SchemaState::incomplete: break;
    }
    return "drop schemas relay and relay_api if they hold nothing, or restore a backup";
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

extern Command const schema_status;
Command const schema_status{
    .path = "schema status",
    .summary = "tell how the database schema stands to this program",
    .doc =
        R"(Lists the migrations that this program knows and those that the database has recorded, and names the state:

  current     every migration is applied, with the text that this program has
  absent      there is no relay schema yet: schema apply
  behind      the last migrations are missing: schema apply
  ahead       a newer relay-admin has migrated the database; this one refuses to work on it
  edited      a migration was applied from another text than this program's, or an unreleased relay-admin made the database
  incomplete  a migration is missing below others, or a schema relay is there that schema apply did not make

Changes nothing, and also answers on a standby. It compares records and checksums; whether tables, functions and grants are still as the
migrations made them is what `schema verify` looks at.

Exit 0: the state is current. 11: any other state; the report is on stdout either way.

EXAMPLES
  relay-admin schema status
  # in a script
  relay-admin schema status -o json)",
    .declare = declare,
};

}  // namespace relay::cli::commands
