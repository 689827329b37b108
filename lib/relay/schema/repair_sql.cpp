#include "relay/schema/repair_sql.hpp"

namespace relay::sql {
namespace {

constexpr char const *join_sql = R"sql(
DO $join$
BEGIN
    SET LOCAL ROLE relay_owner;
    RESET ROLE;
EXCEPTION
    WHEN insufficient_privilege THEN
        EXECUTE format('GRANT relay_owner TO %I', current_user);
        PERFORM set_config('relay.joined', 'yes', true);
END
$join$)sql";

constexpr char const *joined_sql = "SELECT COALESCE(current_setting('relay.joined', true), '') = 'yes' AS joined";

constexpr char const *leave_sql = R"sql(
DO $leave$
BEGIN
    EXECUTE format('REVOKE relay_owner FROM %I', current_user);
END
$leave$)sql";

}  // namespace

void run_repairs(db::Transaction &transaction, std::vector<SchemaRepair> const &repairs) {
    std::string script;
    for (SchemaRepair const &repair : repairs) {
        script += repair.statement + ";\n";
    }
    if (!script.empty()) {
        transaction.exec_script(script);
    }
}

bool join_owner(db::Transaction &transaction) {
    transaction.exec(join_sql);
    return transaction.exec(joined_sql).one().boolean("joined");
}

void leave_owner(db::Transaction &transaction) { transaction.exec(leave_sql); }

}  // namespace relay::sql
