#include "cli/command.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/schema.hpp"
#include "cli/output/command_text.hpp"
#include "cli/output/output.hpp"

namespace relay::cli::schema_verify_command {

namespace {

ExitStatus run(Context &context) {
    SchemaComparison const comparison = compare_schema(context.database());
    browse(context, schema_verification_document(comparison), comparison.at, comparison.db_role);
    if (comparison.status.state != SchemaState::current) {
        context.output().note("a migration was applied with a different text than this program's");
        return exit_status(ErrorKind::schema);
    }
    if (comparison.repairable) {
        context.output().note("next: " + command_line(context.globals(), {"schema", "apply", "--repair"}) +
                              "  # sets owners and rights, which a restore may have lost");
    }
    return comparison.differences.empty() ? ExitStatus::ok : ExitStatus::check_no;
}

Runner declare(OptionSet &) { return run; }

}  // namespace

extern Command const command;
Command const command{
    .path = "schema verify",
    .summary = "compare the database schema with what it should be",
    .doc =
        R"(Compares the database's catalogs with what the migrations make, and lists every difference: tables, columns,
sequences, types, constraints, indexes, functions with their bodies, texts of views, rules, triggers, policies,
partitions, inheritance, options, owners, grants and default privileges; the attributes and memberships of our groups;
and objects attached from outside, such as a publication, an event trigger, or a function that relay_owner owns. A
session_replication_role that turns triggers off is a difference, too. "missing" should exist but does not;
"unexpected" exists but should not, such as an extra grant. A changed object is listed as both. A column that is not as
usual follows its object as NAME=VALUE, under its name in pg_catalog.

Run it after a restore, and after anyone had superuser rights: relay-admin's promises (an append-only audit trail,
gateways that never see a hash) depend on these objects. A faithful dump and restore is not a difference, even into a
later version of PostgreSQL. After a restore without owners or privileges, `schema apply --repair` sets them. Logins in
our groups are your choice and not a difference; a member of relay_owner that applied no migration is one. The command
changes nothing, and also works on a standby.

Exit 0: no differences. 10: there are differences. 11: the schema is absent or has another version, so there is
nothing to compare; or a migration was applied with a different text (then the differences are listed, too).

EXAMPLES
  relay-admin schema verify
  relay-admin schema verify -o jsonl)",
    .declare = declare,
};

}  // namespace relay::cli::schema_verify_command
