#include "relay/incident/shut_out_sql.hpp"

#include "relay/db/list_text.hpp"
#include "relay/identity/revocations_sql.hpp"

namespace relay::sql {
namespace {

// $1: the kind of subject, $2: the ids, $3: block or revoke.
constexpr auto asked_sql = R"sql(
WITH asked AS (
    SELECT a.id, a.position, subject.org_id, subject.agent_id, subject.id IS NOT NULL AS known
    FROM unnest($2::text[]) WITH ORDINALITY AS a (id, position) LEFT JOIN LATERAL (SELECT )sql";

// One text for each kind of subject, so that blocking agents reads only the table of agents: a lock on another must not
// delay it.
constexpr auto of_agents =
    "row.agent_id AS id, row.org_id, row.agent_id FROM relay.agents AS row WHERE row.agent_id = a.id) AS subject ON "
    "true";
constexpr auto of_orgs =
    "row.org_id AS id, row.org_id, NULL::text AS agent_id FROM relay.organizations AS row WHERE row.org_id = a.id) AS "
    "subject ON true";
constexpr auto of_keys =
    "row.key_id AS id, row.org_id, row.agent_id FROM relay.agent_keys AS row WHERE row.key_id = a.id) AS subject ON "
    "true";
constexpr auto of_devices =
    "row.device_id AS id, row.org_id, row.agent_id FROM relay.devices AS row WHERE row.device_id = a.id) AS subject ON "
    "true";

// The same without waiting for a lock on that table: then it is not known whether there is such a subject (null).
constexpr auto asked_if_free_sql = R"sql(
WITH asked AS (
    SELECT found.id, found.position, found.org_id, found.agent_id, found.known FROM relay.find_subjects($1, $2::text[]) AS found)sql";

// $4 or $5: when the block ends, or in how many seconds; $6: by force; $7 to $9: ticket, reason, actor;
// $10: the event's action; $11: trace id; $12: see ShutOut::committed_at.
constexpr auto shut_out_sql = R"sql(
), term AS (
    SELECT COALESCE($4::timestamptz, now() + make_interval(secs => $5)) AS until
), judged AS (
    SELECT asked.*,
           EXISTS (SELECT FROM relay.standing_revocations AS s
                   WHERE s.subject_kind = $1 AND s.subject_id = asked.id AND s.kind = $3) AS stood,
           EXISTS (SELECT FROM relay.standing_revocations AS s
                   WHERE s.subject_kind = $1 AND s.subject_id = asked.id AND s.kind = $3
                     AND (s.until IS NULL OR s.until >= term.until)) AS lasts,
           EXISTS (SELECT FROM relay.standing_revocations AS s
                   WHERE s.subject_kind = $1 AND s.subject_id = asked.id AND s.kind = $3 AND s.at >= $12::timestamptz) AS done_before
    FROM asked CROSS JOIN term
), changed AS (
    INSERT INTO relay.revocations (subject_kind, subject_id, kind, until, ticket, reason, actor)
    SELECT $1, judged.id, $3, term.until, $7, $8, $9
    FROM judged CROSS JOIN term WHERE (judged.known IS NOT FALSE OR $6::boolean) AND NOT judged.lasts AND $12::timestamptz IS NULL
    ORDER BY judged.position
    RETURNING subject_id
))sql";

// Left out where it must not delay the change, because naming the audit log waits for whoever has locked it.
constexpr auto events_sql = R"sql(, written AS (
    INSERT INTO relay.auth_events (action, org_id, agent_id, key_id, detail, reason, ticket, actor, trace_id)
    SELECT $10, CASE $1 WHEN 'org' THEN judged.id ELSE judged.org_id END, CASE $1 WHEN 'agent' THEN judged.id ELSE judged.agent_id END,
           CASE WHEN $1 IN ('key', 'device') THEN judged.id END,
           CASE WHEN term.until IS NOT NULL THEN jsonb_build_object(
               'until', to_char(term.until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) END, $8, $7, $9, $11
    FROM judged JOIN changed ON changed.subject_id = judged.id CROSS JOIN term
    ORDER BY judged.position
    RETURNING 1
))sql";

constexpr auto no_events_sql = ", written AS (SELECT $10::text, $11::text WHERE false)";

constexpr auto judged_sql = R"sql(
SELECT judged.id, judged.known IS TRUE AS known, judged.known IS NOT NULL AS looked_up, judged.org_id, judged.agent_id, judged.stood,
       changed.subject_id IS NOT NULL OR judged.done_before AS changed,
       (SELECT count(*) FROM written) AS events, term.until
FROM judged CROSS JOIN term LEFT JOIN changed ON changed.subject_id = judged.id ORDER BY judged.position)sql";

// $4, $5: reason and ticket of the event; $6: actor; $7: the event's action; $8: trace id; $9: see ShutOut::committed_at.
constexpr auto lift_sql = R"sql(
), lifted AS (
    UPDATE relay.revocations AS row SET lifted_at = now(), lifted_by = $6
    WHERE row.subject_kind = $1 AND row.subject_id = ANY ($2::text[]) AND row.kind = $3 AND row.lifted_at IS NULL
      AND (row.until IS NULL OR row.until > now()) AND $9::timestamptz IS NULL
    RETURNING row.subject_id
), changed AS (
    SELECT DISTINCT subject_id FROM lifted
), written AS (
    INSERT INTO relay.auth_events (action, org_id, agent_id, key_id, reason, ticket, actor, trace_id)
    SELECT $7, CASE $1 WHEN 'org' THEN asked.id ELSE asked.org_id END, CASE $1 WHEN 'agent' THEN asked.id ELSE asked.agent_id END,
           CASE WHEN $1 IN ('key', 'device') THEN asked.id END, $4, $5, $6, $8
    FROM asked JOIN changed ON changed.subject_id = asked.id ORDER BY asked.position
    RETURNING 1
)
SELECT asked.id, asked.known, true AS looked_up, asked.org_id, asked.agent_id, changed.subject_id IS NOT NULL AS stood,
       changed.subject_id IS NOT NULL
       OR EXISTS (SELECT FROM relay.revocations AS row
                  WHERE row.subject_kind = $1 AND row.subject_id = asked.id AND row.kind = $3 AND row.lifted_at >= $9::timestamptz AND row.lifted_by = $6)
           AS changed,
       (SELECT count(*) FROM written) AS events, NULL::timestamptz AS until
FROM asked LEFT JOIN changed ON changed.subject_id = asked.id ORDER BY asked.position)sql";

constexpr auto require_shut_out_sql = R"sql(
SELECT relay.require_shut_out($1, $2::text[], $3, COALESCE($4::timestamptz, now() + make_interval(secs => $5)), $6, $7))sql";

constexpr auto require_lifted_sql = "SELECT relay.require_lifted($1, $2::text[], $3, $4)";

/// A statement about each kind of subject.
class ByKind {
  public:
    explicit ByKind(std::string const &rest)
        : m_agents(std::string(asked_sql) + of_agents + rest),
          m_orgs(std::string(asked_sql) + of_orgs + rest),
          m_keys(std::string(asked_sql) + of_keys + rest),
          m_devices(std::string(asked_sql) + of_devices + rest) {}

    char const *operator[](SubjectKind kind) const {
        switch (kind) {
            case SubjectKind::agent: return m_agents.c_str();
            case SubjectKind::org: return m_orgs.c_str();
            case SubjectKind::device: return m_devices.c_str();
            case SubjectKind::key: break;
        }
        return m_keys.c_str();
    }

  private:
    std::string m_agents;
    std::string m_orgs;
    std::string m_keys;
    std::string m_devices;
};

JudgedAll read_all(db::Rows const &rows, SubjectKind kind) {
    JudgedAll all;
    bool const has_key_id = kind == SubjectKind::key || kind == SubjectKind::device;
    for (db::Row const row : rows) {
        all.subjects.push_back({.subject = read_subject(row, kind, "id"),
                                .known = row.boolean("known"),
                                .looked_up = row.boolean("looked_up"),
                                .org_id = row.optional_id<OrgId>("org_id"),
                                .agent_id = row.optional_id<AgentId>("agent_id"),
                                .key_id = has_key_id ? row.optional_id<KeyId>("id") : std::nullopt,
                                .changed = row.boolean("changed"),
                                .stood = row.boolean("stood")});
        all.events = static_cast<std::size_t>(row.integer("events"));
        all.until = row.optional_instant("until");
    }
    return all;
}

/// The end of a block as two values: a time, or a number of seconds from now.
db::Param end_time(BlockEnd const &end) {
    auto const *at = std::get_if<Instant>(&end);
    return at != nullptr ? db::Param(*at) : db::Param(std::nullopt);
}

db::Param end_seconds(BlockEnd const &end) {
    auto const *length = std::get_if<std::chrono::seconds>(&end);
    return length != nullptr ? db::Param(*length) : db::Param(std::nullopt);
}

}  // namespace

std::string shut_out_action(Subject const &subject, StandingKind kind) {
    return std::string(text_of(kind_of(subject))).append("_").append(text_of(status_of(kind)));
}

std::string lift_action(Subject const &subject, StandingKind kind) {
    return std::string(text_of(kind_of(subject))) + (kind == StandingKind::block ? "_unblocked" : "_restored");
}

db::Pending<JudgedAll> shut_out(db::Transaction &transaction, ShutOut const &request, Attribution const &by) {
    static ByKind const with_events(std::string(shut_out_sql) + events_sql + judged_sql);
    static ByKind const without_events(std::string(shut_out_sql) + no_events_sql + judged_sql);
    static std::string const if_free = std::string(asked_if_free_sql) + shut_out_sql + no_events_sql + judged_sql;
    SubjectKind const kind = common_kind(request.subjects);
    char const *const sql = request.depth == ReadBack::rows ? if_free.c_str()
                            : request.writes_events         ? with_events[kind]
                                                            : without_events[kind];
    return transaction.ask(sql,
                           {kind, db::array_text(request.subjects), request.kind, end_time(request.end),
                            end_seconds(request.end), request.force, by.ticket, by.reason, by.actor,
                            shut_out_action(request.subjects.front(), request.kind), by.trace_id, request.committed_at},
                           [kind](db::Rows const &rows) { return read_all(rows, kind); });
}

db::Pending<JudgedAll> lift(db::Transaction &transaction, ShutOut const &request, Attribution const &by) {
    static ByKind const sql(lift_sql);
    SubjectKind const kind = common_kind(request.subjects);
    return transaction.ask(sql[kind],
                           {kind, db::array_text(request.subjects), request.kind, by.reason, by.ticket, by.actor,
                            lift_action(request.subjects.front(), request.kind), by.trace_id, request.committed_at},
                           [kind](db::Rows const &rows) { return read_all(rows, kind); });
}

void require_shut_out(db::Transaction &transaction, ShutOut const &request) {
    transaction.send(require_shut_out_sql, {common_kind(request.subjects), db::array_text(request.subjects),
                                            request.kind, end_time(request.end), end_seconds(request.end),
                                            request.force, request.depth == ReadBack::answers});
}

void require_lifted(db::Transaction &transaction, ShutOut const &request) {
    transaction.send(require_lifted_sql, {common_kind(request.subjects), db::array_text(request.subjects), request.kind,
                                          request.depth == ReadBack::answers});
}

}  // namespace relay::sql
