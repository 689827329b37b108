#include "relay/feed/gateways_sql.hpp"

namespace relay::sql {
namespace {

constexpr auto list_sql = R"sql(
SELECT gateway_id, acknowledged_at, live, changes_behind, seconds_behind, db_role, former_role, changed_hands_at
FROM relay.gateway_status)sql";

constexpr db::SortColumn sort_columns[] = {
    {"gateway_id", "gateway_id"},           {"live", "live"},
    {"acknowledged_at", "acknowledged_at"}, {"changes_behind", "changes_behind"},
    {"behind_seconds", "seconds_behind"},   {"db_role", "db_role"},
};

std::string list_in(std::vector<SortField> const &order) {
    return std::string(list_sql) + db::order_by(sort_columns, order, "gateway_id");
}

// A gateway has the change if its cursor is at or past the place, or if it saw the change early: while a transaction
// stays open, cursors cannot pass it, and only the second can happen.
constexpr auto acknowledged_sql = R"sql(
SELECT ack.gateway_id, ack.db_role, ack.at > statement_timestamp() - interval '60 seconds' AS live,
       ack.history = here.database_id || '.' || here.timeline
       AND ($1::text IS NULL OR (ack.txid, ack.seq) >= ($1::text::xid8, $2::bigint)
            OR pg_visible_in_snapshot($1::text::xid8, ack.seen)) AS has_it
FROM relay.gateway_acks AS ack CROSS JOIN relay.feed_history() AS here ORDER BY ack.gateway_id)sql";

Gateway read_gateway(db::Row const &row) {
    return {.gateway_id = row.text("gateway_id"),
            .acknowledged_at = row.instant("acknowledged_at"),
            .live = row.boolean("live"),
            .changes_behind = row.optional_integer("changes_behind"),
            .behind = row.optional_seconds("seconds_behind"),
            .db_role = row.text("db_role"),
            .former_role = row.optional_text("former_role"),
            .changed_hands_at = row.optional_instant("changed_hands_at")};
}

}  // namespace

std::vector<Gateway> find_gateways(db::Transaction &transaction) {
    std::vector<Gateway> gateways;
    db::Rows const rows = transaction.exec(list_in({}).c_str());
    for (db::Row const row : rows) {
        gateways.push_back(read_gateway(row));
    }
    return gateways;
}

std::vector<std::string> gateway_sort_fields() { return db::sort_fields(sort_columns); }

db::Stream<Gateway> list_gateways(db::Transaction &transaction, std::vector<SortField> const &sort) {
    return {transaction, list_in(sort), {}, read_gateway};
}

std::vector<GatewayAck> acknowledged(db::Transaction &transaction, std::optional<FeedPlace> const &place) {
    std::vector<GatewayAck> gateways;
    db::Rows const rows = place ? transaction.exec(acknowledged_sql, {place->txid, place->seq})
                                : transaction.exec(acknowledged_sql, {std::nullopt, std::nullopt});
    for (db::Row const row : rows) {
        gateways.push_back({.gateway_id = row.text("gateway_id"),
                            .db_role = row.text("db_role"),
                            .live = row.boolean("live"),
                            .has_it = row.boolean("has_it")});
    }
    return gateways;
}

}  // namespace relay::sql
