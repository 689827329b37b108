#include "relay/naming/database_name_sql.hpp"

namespace relay::sql {
namespace {

constexpr auto comment_sql = "SELECT obj_description(to_regnamespace('relay'), 'pg_namespace') AS comment";

constexpr auto name_sql = "SELECT relay.name_database($1, $2, $3, $4, $5, $6)";

}  // namespace

std::optional<std::string> schema_comment(db::Transaction &transaction) {
    return transaction.exec(comment_sql).one().optional_text("comment");
}

void name_database(db::Transaction &transaction, DatabaseLabel const &label, Attribution const &by) {
    transaction.exec(name_sql, {label.name, label.production, by.actor, by.reason, by.ticket, by.trace_id});
}

}  // namespace relay::sql
