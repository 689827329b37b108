#include "cli/command.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/schema.hpp"
#include "cli/output/output.hpp"

namespace relay::cli::commands {

namespace {

ExitStatus run(Context &context) {
    SchemaComparison const comparison = compare_schema(context.database());
    browse(context, schema_verification_document(comparison), comparison.at, comparison.db_role);
    if (comparison.status.state != SchemaState::current) {
        context.output().note("a migration was applied from another text than this program's");
        return exit_status(ErrorKind::schema);
    }
    return comparison.differences.empty() ? ExitStatus::ok : ExitStatus::check_no;
}

Runner declare(OptionSet &) { return run; }

}  // namespace

extern Command const schema_verify;
Command const schema_verify{
    .path = "schema verify",
    .summary = "compare the schema in the database with what it should be",
    .doc =
        R"(Compares what stands in the database's catalog with what the migrations make, and lists every difference: tables, columns,
constraints, indexes, functions with their bodies, triggers, owners and grants. "missing" is what should be there; "unexpected" is what
should not, such as a grant too many. A changed object is listed as both.

Run it after a restore, and when somebody has had superuser rights: the promises of this program (an append-only audit trail, gateways
that never see a hash) rest on these objects. Changes nothing, and also answers on a standby.

Exit 0: nothing differs. Exit 10: something does. Exit 11: the schema is absent or of another version, so there is nothing to compare, or
a migration was applied from another text than this program's (the differences are listed then, too).

EXAMPLES
  relay-admin schema verify
  relay-admin schema verify -o jsonl)",
    .declare = declare,
};

}  // namespace relay::cli::commands
