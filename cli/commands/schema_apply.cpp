#include "cli/command.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/output/output.hpp"
#include "relay/schema/migrate.hpp"

namespace relay::cli::commands {

namespace {

std::vector<Record> applied_records(MigratedSchema const &migrated) {
    std::vector<Record> records;
    for (db::Migration const &migration : db::migrations()) {
        for (int const version : migrated.applied) {
            if (migration.version == version) {
                records.push_back(
                    {{"version", "Version", std::int64_t{version}}, {"name", "Name", std::string(migration.name)}});
            }
        }
    }
    return records;
}

ExitStatus run(Context &context) {
    bool const dry_run = context.is_dry_run();
    MigratedSchema const migrated = migrate_schema(context.database(), dry_run, [&](db::Migration const &migration) {
        context.output().note("applied " + std::to_string(migration.version) + " " + std::string(migration.name));
    });
    Document document;
    document.kind = "SchemaApply";
    document.id_key = "version";
    document.data = {
        {"version", "Schema version", std::int64_t{migrated.version}},
        {"previous_version", "Before", std::int64_t{migrated.previous_version}},
        {"applied", migrated.changed ? "Applied" : "", applied_records(migrated)},
    };
    stamp(document, context, migrated);
    context.output().show(document);
    if (!migrated.changed) {
        context.output().note("nothing to do: the schema is current");
    }
    return ExitStatus::ok;
}

Runner declare(OptionSet &) { return run; }

}  // namespace

extern Command const schema_apply;
Command const schema_apply{
    .path = "schema apply",
    .summary = "install or update the database schema",
    .doc =
        R"(Applies the numbered migrations that the database does not have yet. Each is one transaction, which
includes a record with the checksum of its text. If the command is killed at any instant, run it again: it continues
after the last complete migration. Two runs at the same time are safe: one waits for the other. Existing data are
kept.

The first migration creates the roles relay_owner, relay_provisioner, relay_responder, relay_gateway and relay_auditor
if the server does not have them. So it needs a login that may create roles (or roles created beforehand). The later
migrations need a member of relay_owner. The database must use UTF-8.

With --dry-run, all migrations run in one transaction that is rolled back.

Exit 0: the schema is current, whether or not there was anything to do. 11: nothing was changed. A migration was
edited after it had been applied, an unreleased or newer relay-admin made the schema, or something else made a part of
it; `schema status` shows which.

EXAMPLES
  relay-admin schema apply
  # show what would be done
  relay-admin schema apply --dry-run)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::commands
