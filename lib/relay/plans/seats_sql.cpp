#include "relay/plans/seats_sql.hpp"

#include "relay/db/list_text.hpp"

namespace relay::sql {
namespace {

constexpr auto list_seats_sql = R"sql(
SELECT seat.agent_id, seat.org_id, agent.name, seat.place, (seat.place > total.amount) IS NOT TRUE AS has_seat,
       agent.status, agent.created_at, agent.last_used_at
FROM relay.seat_order AS seat
JOIN relay.agent_status AS agent ON agent.agent_id = seat.agent_id
CROSS JOIN (SELECT relay.limit_of($1, 'agents') AS amount OFFSET 0) AS total
WHERE seat.org_id = $1 AND ($2::bigint IS NULL OR seat.place > $2)
ORDER BY seat.place LIMIT $3::bigint)sql";

constexpr auto keep_sql = "SELECT relay.keep_agents($1, $2::text[]) AS lost";

constexpr auto first_sql =
    "SELECT agent_id FROM relay.seat_order WHERE org_id = $1 AND place <= $2::bigint ORDER BY place";

constexpr auto ended_sql = "SELECT relay.announce_ended_plans($1::integer) AS ended";

Seat read_seat(db::Row const &row) {
    return {.agent_id = row.id<AgentId>("agent_id"),
            .org_id = row.id<OrgId>("org_id"),
            .name = row.text("name"),
            .place = row.integer("place"),
            .has_seat = row.boolean("has_seat"),
            .status = row.value<Status>("status"),
            .created_at = row.instant("created_at"),
            .last_used_at = row.optional_instant("last_used_at")};
}

}  // namespace

db::Stream<Seat> list_seats(db::Transaction &transaction, SeatFilter const &filter) {
    return {transaction, list_seats_sql, {filter.org, filter.after, filter.limit}, read_seat};
}

std::int64_t keep_agents(db::Transaction &transaction, OrgId const &org, std::vector<AgentId> const &agents) {
    return transaction.exec(keep_sql, {org, db::array_text(agents)}).one().integer("lost");
}

std::vector<AgentId> first_agents(db::Transaction &transaction, OrgId const &org, std::size_t most) {
    return transaction.exec(first_sql, {org, static_cast<std::int64_t>(most)}).ids<AgentId>("agent_id");
}

std::int64_t announce_ended_plans(db::Transaction &transaction, std::int64_t most) {
    return transaction.exec(ended_sql, {most}).one().integer("ended");
}

}  // namespace relay::sql
