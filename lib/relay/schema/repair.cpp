#include "relay/schema/repair.hpp"

#include "relay/db/other_schema.hpp"
#include "relay/schema/repair_sql.hpp"
#include "relay/schema/schema_sql.hpp"

#include <algorithm>
#include <iterator>

namespace relay {
namespace {

void make_right(db::Transaction &transaction, RepairKind kind, RepairedSchema &repaired) {
    sql::CatalogComparison const comparison = sql::compare_catalog(transaction);
    std::vector<SchemaRepair> repairs = plan_repair(kind, comparison.differences, comparison.expected);
    sql::run_repairs(transaction, repairs);
    std::move(repairs.begin(), repairs.end(), std::back_inserter(repaired.repairs));
}

/// `joined`: the login is in relay_owner for as long as this transaction lasts.
std::size_t count_remaining(db::Transaction &transaction, bool joined) {
    std::vector<SchemaDifference> differences = sql::verify_schema(transaction);
    if (joined) {
        std::string const membership = "membership of " + transaction.db_role() + " in relay_owner";
        std::erase_if(differences, [&](SchemaDifference const &other) { return other.line == membership; });
    }
    return differences.size();
}

/// Returns true if no owner or privilege is left that a repair would set.
bool is_repaired(db::Transaction &transaction) {
    sql::CatalogComparison const now = sql::compare_catalog(transaction);
    return plan_repair(RepairKind::owner, now.differences, now.expected).empty() &&
           plan_repair(RepairKind::right, now.differences, now.expected).empty();
}

RepairedSchema repair_in(db::Transaction &transaction) {
    sql::lock_migrations(transaction);
    SchemaStatus const status = sql::read_schema_status(transaction);
    if (status.state == SchemaState::behind) {
        throw db::another_version({status.version});
    }
    sql::refuse_unmigratable(status);
    RepairedSchema repaired;
    repaired.at = transaction.now();
    repaired.db_role = transaction.db_role();
    make_right(transaction, RepairKind::role, repaired);
    bool const joined = sql::join_owner(transaction);
    make_right(transaction, RepairKind::owner, repaired);
    make_right(transaction, RepairKind::right, repaired);
    make_right(transaction, RepairKind::policy, repaired);
    repaired.remaining = count_remaining(transaction, joined);
    transaction.confirm(is_repaired(transaction), "the repair of owners and privileges");
    if (joined) {
        sql::leave_owner(transaction);  // from now on it may not even look
    }
    repaired.changed = !repaired.repairs.empty();
    if (!repaired.changed) {
        transaction.nothing_to_do();
    }
    return repaired;
}

}  // namespace

RepairedSchema repair_schema(db::Database &database, bool dry_run) {
    db::TransactOptions options;
    options.check_schema = false;
    options.dry_run = dry_run;
    options.was_committed = is_repaired;
    return database.transact(options, repair_in);
}

}  // namespace relay
