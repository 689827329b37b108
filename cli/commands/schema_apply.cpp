#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/output/command_text.hpp"
#include "cli/output/output.hpp"
#include "relay/model/text.hpp"
#include "relay/schema/migrate.hpp"
#include "relay/schema/repair.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <memory>

namespace relay::cli::schema_apply_command {

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

struct Options {
    bool repair = false;
};

std::vector<Record> repair_records(std::vector<SchemaRepair> const &repairs) {
    std::vector<Record> records;
    for (SchemaRepair const &repair : repairs) {
        records.push_back({{"kind", "Kind", repair.kind}, {"statement", "Statement", repair.statement}});
    }
    return records;
}

/// "118 owners, 640 rights"
std::string summary_of(std::vector<SchemaRepair> const &repairs) {
    std::vector<std::string> parts;
    for (auto const &[kind, word] : EnumText<RepairKind>::words) {
        auto const count =
            std::count_if(repairs.begin(), repairs.end(), [&](auto const &repair) { return repair.kind == kind; });
        if (count > 0) {
            parts.push_back(counted(static_cast<std::size_t>(count), word));
        }
    }
    return fmt::format("{}", fmt::join(parts, ", "));
}

ExitStatus tell_repair(Context &context, RepairedSchema const &repaired) {
    Output &output = context.output();
    output.note(repaired.changed ? "repaired " + summary_of(repaired.repairs)
                                 : "nothing to repair: owners, rights, policies and groups are as they should be");
    if (repaired.remaining == 0) {
        return ExitStatus::ok;
    }
    output.note(fmt::format(
        "{} from what the migrations make, and --repair does not change {}",
        repaired.remaining == 1 ? "1 line still differs" : fmt::format("{} lines still differ", repaired.remaining),
        repaired.remaining == 1 ? "it" : "them"));
    output.note("next: " + command_line(context.globals(), {"schema", "verify"}));
    return ExitStatus::check_no;
}

ExitStatus run(Options const &options, Context &context) {
    bool const dry_run = context.is_dry_run();
    MigratedSchema migrated = migrate_schema(context.database(), dry_run, [&](db::Migration const &migration) {
        context.output().note("applied " + std::to_string(migration.version) + " " + std::string(migration.name));
    });
    // A dry run left no schema that could be repaired, and what it would make needs no repair.
    bool const can_repair = options.repair && !(dry_run && migrated.changed);
    RepairedSchema const repaired = can_repair ? repair_schema(context.database(), dry_run) : RepairedSchema();
    if (migrated.converted && !dry_run) {
        context.output().note("converted the schema of before release 0.1.0: all rows were moved; gateways start anew");
    }
    Document document;
    document.kind = "SchemaApply";
    document.id_key = "version";
    document.data = {
        {"version", "Schema version", std::int64_t{migrated.version}},
        {"previous_version", "Before", std::int64_t{migrated.previous_version}},
        {"converted", "", migrated.converted},
        {"applied", migrated.changed ? "Applied" : "", applied_records(migrated)},
        {"repaired", "", repair_records(repaired.repairs)},
    };
    bool const applied = migrated.changed;
    migrated.changed = applied || repaired.changed;
    stamp(document, context, migrated);
    context.output().show(document);
    if (can_repair) {
        return tell_repair(context, repaired);
    }
    if (!applied) {
        context.output().note("nothing to do: the schema is current; this compares its version, not its objects: " +
                              command_line(context.globals(), {"schema", "verify"}));
    }
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto options = std::make_shared<Options>();
    add_flag(set,
             {.names = "--repair",
              .description = "after a restore: also set owners, rights, policies and groups as the migrations do"},
             options->repair);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "schema apply",
    .summary = "install or update the database schema",
    .doc =
        R"(Applies the numbered migrations that the database does not have yet. Each is one transaction, which
includes a record with the checksum of its text. If the command is killed at any instant, run it again: it continues
after the last complete migration. Two runs at the same time are safe: one waits for the other. Existing data are
kept.

The migrations create the roles relay_owner, relay_provisioner, relay_responder, relay_gateway, relay_auditor,
relay_tenant and relay_billing if the server does not have them. So they need a login that may create roles (or roles
created beforehand), and that is a member of relay_owner. The database must use UTF-8.

A database of the last version before release 0.1.0 is converted, in one transaction. All rows move into the tables of
this version, and the former schemas are dropped. If something was added to those schemas, or built on them, the error
names it, and nothing is changed. Gateways must wait until the end; then they start with an empty cache. For millions of
events, allow more time: `--timeout 10m`. The order of keys and revocations stays, so no revoked key works again.

With --dry-run, all migrations run in one transaction that is rolled back.

--repair is for a database that was restored without owners or privileges, or on a server without our groups. In one
transaction it creates missing groups, gives the objects to relay_owner, grants and revokes privileges of PUBLIC and of
our groups, and creates policies that could not be restored. `-o json` lists each statement. It changes nothing else:
not the privileges of other roles, and not an object that differs in more than its owner. Run it as a superuser, or as
the owner of the restored objects.

Exit 0: the schema is current, whether or not there was anything to do. 10: after --repair, something still differs;
`schema verify` lists it. 11: nothing was changed. A migration was edited after it had been applied, an unreleased or
newer relay-admin made the schema, or something else made a part of it; `schema status` shows which.

EXAMPLES
  relay-admin schema apply
  # show what would be done
  relay-admin schema apply --dry-run
  # after a restore without owners and privileges
  relay-admin schema apply --repair)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::schema_apply_command
