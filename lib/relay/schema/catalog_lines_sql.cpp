#include "relay/schema/catalog_lines_sql.hpp"

namespace relay::sql {
namespace {

constexpr auto ours_sql = R"sql(
WITH ours AS (
    SELECT oid, nspname FROM pg_namespace WHERE nspname IN ('relay', 'relay_api')
), )sql";

constexpr auto described_sql = R"sql(
SELECT head || COALESCE((SELECT string_agg(' ' || fact.key || '=' || fact.value, '' ORDER BY fact.key COLLATE "C")
                         FROM jsonb_each_text(facts) AS fact
                         WHERE CASE WHEN usual ? fact.key THEN fact.value <> usual ->> fact.key
                                    ELSE fact.value NOT IN ('', '0', 'false', '-', '{}') END), '') AS line
FROM described)sql";

}  // namespace

void append_lines(db::Transaction &transaction, char const *sql, std::vector<std::string> &lines) {
    db::Rows const rows = transaction.exec(sql);
    for (db::Row const row : rows) {
        lines.push_back(row.text("line"));
    }
}

void append_described(db::Transaction &transaction, char const *queries, std::vector<std::string> &lines) {
    std::string const sql = std::string(ours_sql) + queries + described_sql;
    append_lines(transaction, sql.c_str(), lines);
}

}  // namespace relay::sql
