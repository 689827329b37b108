#include "relay/schema/migrate.hpp"

#include "relay/db/other_schema.hpp"
#include "relay/model/outcome.hpp"
#include "relay/schema/repair_plan.hpp"
#include "relay/schema/schema_sql.hpp"

#include <algorithm>
#include <thread>

namespace relay {
namespace {

using namespace std::chrono_literals;

/// How often a migration gives way: while it waits for a lock on a table, the calls of gateways queue behind it, and when it and a
/// call wait for each other, the server finds out only after a second (deadlock_timeout), and may end the call. So a try that waits
/// for longer comes only when a busy fleet could not be the reason any more.
constexpr int short_tries = 40;
constexpr auto short_patience = 200ms;
/// After that many tries, about two seconds, people are shown who is in the way.
constexpr int shown_after = 5;

/// Runs `work` in a transaction, under the lock for migrations. It waits for another migration as long as every change does, because
/// only migrations wait there, but gives way to those who hold tables; only the last try waits for them as long, and says who is in
/// the way. `work` may run several times.
template <typename Work>
void transact_between_calls(db::Database &database, db::TransactOptions options, Work const &work) {
    for (int i = 0;; ++i) {
        bool const gives_way = i < short_tries;
        options.names_holders = !gives_way;
        bool is_locked = false;
        try {
            database.transact(options, [&](db::Transaction &transaction) {
                sql::lock_migrations(transaction);
                is_locked = true;
                if (gives_way) {
                    sql::wait_for_tables(transaction, short_patience);
                }
                work(transaction);
            });
            return;
        } catch (Error const &error) {
            if (!gives_way || !is_locked || error.hint().sqlstate != "55P03") {
                throw;
            }
        }
        if (i + 1 == shown_after) {
            database.report_wait("the migration is not applied yet");
        }
        std::this_thread::sleep_for(short_patience / 2 * (i % 3 + 1));
    }
}

db::TransactOptions any_version() {
    db::TransactOptions options;
    options.read_only = true;
    options.check_schema = false;
    return options;
}

void read_report(db::Transaction &transaction, SchemaReport &report) {
    report.status = sql::read_schema_status(transaction);
    report.obstacle = sql::find_obstacle(report.status);
    report.known_version = schema_version();
    report.at = transaction.now();
    report.db_role = transaction.db_role();
}

void refuse_incomparable(SchemaReport const &report) {
    if (report.status.state == SchemaState::absent) {
        throw Error(ErrorKind::schema, "the database has no relay schema", {.next = advise(Act::apply_schema)});
    }
    if (report.status.state == SchemaState::behind) {
        throw db::another_version({report.status.version});
    }
    if (report.status.state == SchemaState::convertible) {
        throw db::not_converted();
    }
    if (report.obstacle && report.status.state != SchemaState::edited) {
        throw *report.obstacle;
    }
}

db::Migration const &migration_at(int version) { return db::migrations()[static_cast<std::size_t>(version) - 1]; }

/// Converts the schema of before release 0.1.0, in one transaction.
std::vector<int> convert_schema(db::Database &database, bool dry_run) {
    db::TransactOptions options;
    options.check_schema = false;
    options.dry_run = dry_run;
    options.was_committed = [](db::Transaction &transaction) {
        return sql::read_schema_status(transaction).state == SchemaState::current;
    };
    std::vector<int> applied;
    transact_between_calls(database, options, [&](db::Transaction &transaction) {
        applied = sql::convert_pending(transaction);
        transaction.confirm(sql::read_schema_status(transaction).state == SchemaState::current, "the converted schema");
    });
    return applied;
}

/// Applies the missing migrations, one transaction per migration; a dry run uses one transaction for all.
std::vector<int> apply_schema(db::Database &database, bool dry_run,
                              std::function<void(db::Migration const &)> const &applied) {
    std::vector<int> done;
    for (bool more = true; more;) {
        int version = 0;
        db::TransactOptions options;
        options.check_schema = false;
        options.dry_run = dry_run;
        options.was_committed = [&](db::Transaction &transaction) {
            SchemaStatus const status = sql::read_schema_status(transaction);
            return std::find(status.missing.begin(), status.missing.end(), version) == status.missing.end();
        };
        transact_between_calls(database, options, [&](db::Transaction &transaction) {
            std::vector<int> const versions = sql::pending_migrations(transaction);
            std::size_t const batch = dry_run ? versions.size() : std::min<std::size_t>(versions.size(), 1);
            for (std::size_t i = 0; i < batch; ++i) {
                sql::apply_migration(transaction, migration_at(versions[i]));
            }
            SchemaStatus const status = sql::read_schema_status(transaction);
            transaction.confirm(status.missing.size() + batch == versions.size(), "the record of a migration");
            if (versions.empty()) {
                transaction.nothing_to_do();
            }
            version = versions.empty() ? 0 : versions.front();
            more = versions.size() > batch;
            outcome::expect_more(more);
            if (dry_run) {
                done = versions;
            }
        });
        if (version != 0 && !dry_run) {
            done.push_back(version);
            if (applied) {
                applied(migration_at(version));
            }
        }
    }
    return done;
}

}  // namespace

SchemaReport report_schema(db::Database &database) {
    SchemaReport report;
    database.transact(any_version(), [&](db::Transaction &transaction) { read_report(transaction, report); });
    return report;
}

SchemaComparison compare_schema(db::Database &database) {
    SchemaComparison comparison;
    database.transact(any_version(), [&](db::Transaction &transaction) {
        read_report(transaction, comparison);
        refuse_incomparable(comparison);
        sql::CatalogComparison compared = sql::compare_catalog(transaction);
        comparison.repairable = is_repairable(compared.differences, compared.expected);
        comparison.differences = std::move(compared.differences);
    });
    return comparison;
}

MigratedSchema migrate_schema(db::Database &database, bool dry_run,
                              std::function<void(db::Migration const &)> const &applied) {
    SchemaReport const before = report_schema(database);
    MigratedSchema migrated;
    migrated.at = before.at;
    migrated.db_role = before.db_role;
    migrated.previous_version = before.status.version;
    migrated.converted = before.status.state == SchemaState::convertible;
    migrated.applied =
        migrated.converted ? convert_schema(database, dry_run) : apply_schema(database, dry_run, applied);
    migrated.changed = !migrated.applied.empty();
    migrated.version = schema_version();
    return migrated;
}

std::string schema_script(std::optional<int> only) {
    if (only && (*only < 1 || *only > schema_version())) {
        throw Error(ErrorKind::not_found, "no migration " + std::to_string(*only),
                    {.why = "this program has migrations 1 to " + std::to_string(schema_version())});
    }
    std::string script;
    for (db::Migration const &migration : db::migrations()) {
        if (!only || *only == migration.version) {
            script += sql::migration_script(migration);
        }
    }
    return script;
}

}  // namespace relay
