#include "relay/audit/event_marks.hpp"
#include "relay/db/list_text.hpp"

#include <algorithm>

namespace relay::sql {
namespace {

constexpr auto writers_sql = R"sql(
SELECT last_event_id, array_to_string(writers, ',') AS writers, COALESCE(oldest_open, 0) AS oldest_open,
       COALESCE(next_transaction, 0) AS next_transaction
FROM relay.event_writers())sql";

}  // namespace

EventWriters event_writers(db::Transaction &transaction) {
    db::Rows const rows = transaction.exec(writers_sql);
    EventWriters found{.last_event_id = rows.one().optional_integer("last_event_id"),
                       .writers = db::split_list(rows.one().text("writers")),
                       .oldest_open = rows.one().integer("oldest_open"),
                       .next_transaction = rows.one().integer("next_transaction")};
    std::sort(found.writers.begin(), found.writers.end());
    return found;
}

}  // namespace relay::sql
