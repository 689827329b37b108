#include "relay/incident/missing_events_sql.hpp"

#include "relay/db/list_text.hpp"

namespace relay::sql {
namespace {

// What an event is about is its key, else its agent, else its organization. An empty text is a null: an array of texts has none.
// What a trigger wrote has no trace id, and the words of the row, or "by SQL" where the row has none.
constexpr auto wanted_and_present_sql = R"sql(
WITH asked AS (
    SELECT event.action, NULLIF(event.org_id, '') AS org_id, NULLIF(event.agent_id, '') AS agent_id, NULLIF(event.key_id, '') AS key_id,
           NULLIF(event.detail, '')::jsonb AS detail
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) AS event (action, org_id, agent_id, key_id, detail)
), present AS (
    SELECT e.action, COALESCE(e.key_id, e.agent_id, e.org_id, '') AS subject FROM relay.auth_events AS e
    WHERE e.occurred_at >= $6::timestamptz AND e.db_role = SESSION_USER
      AND (e.trace_id = $10 OR (e.trace_id IS NULL AND (e.reason = 'by SQL' OR (e.reason IS NOT DISTINCT FROM $7
                                                                               AND e.ticket IS NOT DISTINCT FROM $8 AND e.actor = $9))))
)
)sql";

// Without RETURNING, which PostgreSQL refuses if a rule takes the event: then it is missing, and the change remains in force.
constexpr auto insert_missing_sql = R"sql(
INSERT INTO relay.auth_events (action, org_id, agent_id, key_id, detail, reason, ticket, actor, trace_id)
SELECT action, org_id, agent_id, key_id, detail, $7, $8, $9, $10 FROM asked
WHERE (action, COALESCE(key_id, agent_id, org_id, '')) NOT IN (SELECT action, subject FROM present))sql";

constexpr auto count_present_sql = R"sql(
SELECT count(*) AS present FROM asked
WHERE (action, COALESCE(key_id, agent_id, org_id, '')) IN (SELECT action, subject FROM present))sql";

template <typename Id>
std::string text_or_empty(std::optional<Id> const &id) {
    return id ? id->text() : std::string();
}

}  // namespace

std::size_t insert_missing_events(db::Transaction &transaction, Attribution const &by,
                                  std::vector<NewEvent> const &events, Instant since) {
    std::vector<std::string> actions;
    std::vector<std::string> orgs;
    std::vector<std::string> agents;
    std::vector<std::string> keys;
    std::vector<std::string> details;
    for (NewEvent const &event : events) {
        actions.push_back(event.action);
        orgs.push_back(text_or_empty(event.org_id));
        agents.push_back(text_or_empty(event.agent_id));
        keys.push_back(text_or_empty(event.key_id));
        details.push_back(event.detail.json().value_or(""));
    }
    std::vector<db::Param> const params{db::array_text(actions),
                                        db::array_text(orgs),
                                        db::array_text(agents),
                                        db::array_text(keys),
                                        db::array_text(details),
                                        since,
                                        by.reason,
                                        by.ticket,
                                        by.actor,
                                        by.trace_id};
    static std::string const insert = std::string(wanted_and_present_sql) + insert_missing_sql;
    static std::string const count = std::string(wanted_and_present_sql) + count_present_sql;
    transaction.exec(insert.c_str(), params);
    return static_cast<std::size_t>(transaction.exec(count.c_str(), params).one().integer("present"));
}

}  // namespace relay::sql
