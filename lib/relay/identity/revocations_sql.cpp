#include "relay/identity/revocations_sql.hpp"

#include "relay/db/list_text.hpp"

#include <algorithm>

namespace relay::sql {
namespace {

// One statement per kind, so that blocking agents reads only the table of agents: a lock on another must not delay
// it.
constexpr auto look_up_agents_sql = R"sql(
SELECT asked.id, agent.agent_id IS NOT NULL AS known, agent.org_id, agent.agent_id
FROM unnest($1::text[]) WITH ORDINALITY AS asked (id, position)
LEFT JOIN relay.agents AS agent ON agent.agent_id = asked.id ORDER BY asked.position)sql";

constexpr auto look_up_orgs_sql = R"sql(
SELECT asked.id, org.org_id IS NOT NULL AS known, org.org_id, NULL AS agent_id
FROM unnest($1::text[]) WITH ORDINALITY AS asked (id, position)
LEFT JOIN relay.organizations AS org ON org.org_id = asked.id ORDER BY asked.position)sql";

constexpr auto look_up_keys_sql = R"sql(
SELECT asked.id, key.key_id IS NOT NULL AS known, key.org_id, key.agent_id
FROM unnest($1::text[]) WITH ORDINALITY AS asked (id, position)
LEFT JOIN relay.agent_keys AS key ON key.key_id = asked.id ORDER BY asked.position)sql";

constexpr auto shut_out_sql = R"sql(
INSERT INTO relay.revocations (subject_kind, subject_id, kind, until, ticket, reason, actor)
SELECT $1, id, $3, $4::timestamptz, $5, $6, $7 FROM unnest($2::text[]) AS asked (id))sql";

constexpr auto lift_sql = R"sql(
UPDATE relay.revocations SET lifted_at = now(), lifted_by = $4
WHERE subject_kind = $1 AND subject_id = ANY ($2::text[]) AND kind = $3 AND lifted_at IS NULL AND (until IS NULL OR until > now())
RETURNING subject_id AS id)sql";

// look_up takes the first row of each kind: the block that lasts longest, and the earliest revocation (no end, so by
// at).
constexpr auto standing_sql = R"sql(
SELECT subject_kind, subject_id, kind, at, until, ticket, reason, actor, db_role
FROM relay.standing_revocations
WHERE (subject_kind = 'agent' AND subject_id = ANY ($1::text[])) OR (subject_kind = 'org' AND subject_id = ANY ($2::text[]))
   OR (subject_kind = 'key' AND subject_id = ANY ($3::text[]))
ORDER BY until DESC NULLS FIRST, at)sql";

constexpr auto under_ticket_sql = R"sql(
SELECT subject_kind, subject_id, kind, at, until, ticket, reason, actor, db_role
FROM relay.standing_revocations WHERE ticket = $1 AND kind = 'block' ORDER BY at)sql";

constexpr auto knows_ticket_sql =
    "SELECT EXISTS (SELECT FROM relay.revocations WHERE ticket = $1 AND kind = 'block') AS known";

// The table itself, beside the views that the rest of the program reads. $4: until when a block has to last, null:
// until it is lifted.
constexpr auto not_in_force_sql = R"sql(
SELECT asked.id FROM unnest($2::text[]) AS asked (id)
WHERE NOT EXISTS (SELECT FROM relay.revocations AS row
                  WHERE row.subject_id = asked.id AND row.subject_kind = $1 AND row.kind = $3 AND row.lifted_at IS NULL
                    AND (row.until IS NULL OR row.until >= $4::timestamptz)))sql";

constexpr auto in_force_sql = R"sql(
SELECT DISTINCT subject_id AS id FROM relay.revocations
WHERE subject_id = ANY ($2::text[]) AND subject_kind = $1 AND kind = $3 AND lifted_at IS NULL
  AND (until IS NULL OR until > statement_timestamp()))sql";

constexpr auto contrary_sql = "SELECT id FROM relay.contrary_answers($1, $2::text[]) AS id";

Subject read_subject(db::Row const &row, SubjectKind kind, char const *column) {
    switch (kind) {
        case SubjectKind::agent: return row.id<AgentId>(column);
        case SubjectKind::org: return row.id<OrgId>(column);
        case SubjectKind::key: break;
    }
    return row.id<KeyId>(column);
}

Standing read_standing(db::Row const &row) {
    return {.subject = read_subject(row, row.value<SubjectKind>("subject_kind"), "subject_id"),
            .kind = row.value<StandingKind>("kind"),
            .at = row.instant("at"),
            .until = row.optional_instant("until"),
            .ticket = row.optional_text("ticket"),
            .reason = row.optional_text("reason"),
            .actor = row.text("actor"),
            .db_role = row.text("db_role")};
}

std::vector<Subject> read_ids(db::Rows const &rows, SubjectKind kind) {
    std::vector<Subject> subjects;
    for (db::Row const row : rows) {
        subjects.push_back(read_subject(row, kind, "id"));
    }
    return subjects;
}

std::vector<Standing> read_all(db::Rows const &rows) {
    std::vector<Standing> standing;
    for (db::Row const row : rows) {
        standing.push_back(read_standing(row));
    }
    return standing;
}

char const *look_up_sql(SubjectKind kind) {
    switch (kind) {
        case SubjectKind::agent: return look_up_agents_sql;
        case SubjectKind::org: return look_up_orgs_sql;
        case SubjectKind::key: break;
    }
    return look_up_keys_sql;
}

std::string ids_of_kind(std::vector<Subject> const &subjects, SubjectKind kind) {
    std::vector<std::string> ids;
    for (Subject const &subject : subjects) {
        if (kind_of(subject) == kind) {
            ids.push_back(text_of(subject));
        }
    }
    return db::array_text(ids);
}

}  // namespace

std::vector<SubjectStanding> look_up(db::Transaction &transaction, std::vector<Subject> const &subjects) {
    SubjectKind const kind = common_kind(subjects);
    db::Reply const reply = transaction.send(look_up_sql(kind), {db::array_text(subjects)});
    std::vector<Standing> const all = standing_for(transaction, subjects).get();
    std::vector<SubjectStanding> found;
    db::Rows const rows = reply.rows();
    for (db::Row const row : rows) {
        found.push_back({.subject = read_subject(row, kind, "id"),
                         .known = row.boolean("known"),
                         .org_id = row.optional_id<OrgId>("org_id"),
                         .agent_id = row.optional_id<AgentId>("agent_id")});
    }
    for (SubjectStanding &one : found) {
        for (Standing const &standing : all) {
            if (standing.subject == one.subject) {
                auto &slot = standing.kind == StandingKind::block ? one.block : one.revocation;
                slot = slot ? slot : standing;
            }
        }
    }
    return found;
}

void shut_out(db::Transaction &transaction, std::vector<Subject> const &subjects, StandingKind kind,
              std::optional<Instant> until, Attribution const &by) {
    transaction.send(shut_out_sql,
                     {common_kind(subjects), db::array_text(subjects), kind, until, by.ticket, by.reason, by.actor});
}

db::Pending<std::vector<Subject>> lift(db::Transaction &transaction, std::vector<Subject> const &subjects,
                                       StandingKind kind, Attribution const &by) {
    SubjectKind const subject_kind = common_kind(subjects);
    return transaction.ask(lift_sql, {subject_kind, db::array_text(subjects), kind, by.actor},
                           [=](db::Rows const &rows) { return read_ids(rows, subject_kind); });
}

db::Pending<std::vector<Subject>> not_in_force(db::Transaction &transaction, std::vector<Subject> const &subjects,
                                               StandingKind kind, std::optional<Instant> until) {
    SubjectKind const subject_kind = common_kind(subjects);
    return transaction.ask(not_in_force_sql, {subject_kind, db::array_text(subjects), kind, until},
                           [=](db::Rows const &rows) { return read_ids(rows, subject_kind); });
}

db::Pending<std::vector<Subject>> still_in_force(db::Transaction &transaction, std::vector<Subject> const &subjects,
                                                 StandingKind kind) {
    SubjectKind const subject_kind = common_kind(subjects);
    return transaction.ask(in_force_sql, {subject_kind, db::array_text(subjects), kind},
                           [=](db::Rows const &rows) { return read_ids(rows, subject_kind); });
}

db::Pending<std::vector<Subject>> answered_contrary(db::Transaction &transaction,
                                                    std::vector<Subject> const &subjects) {
    constexpr std::ptrdiff_t most_at_once = 100'000;  // as relay.contrary_answers accepts
    SubjectKind const subject_kind = common_kind(subjects);
    std::vector<db::Reply> earlier;
    auto at = subjects.begin();
    for (; subjects.end() - at > most_at_once; at += most_at_once) {
        earlier.push_back(transaction.send(
            contrary_sql, {subject_kind, db::array_text(std::vector<Subject>(at, at + most_at_once))}));
    }
    return transaction.ask(contrary_sql, {subject_kind, db::array_text(std::vector<Subject>(at, subjects.end()))},
                           [=](db::Rows const &rows) {
                               std::vector<Subject> contrary;
                               for (db::Reply const &reply : earlier) {
                                   std::vector<Subject> const some = read_ids(reply.rows(), subject_kind);
                                   contrary.insert(contrary.end(), some.begin(), some.end());
                               }
                               std::vector<Subject> const last = read_ids(rows, subject_kind);
                               contrary.insert(contrary.end(), last.begin(), last.end());
                               return contrary;
                           });
}

std::vector<Standing> blocks_under(db::Transaction &transaction, Note const &ticket) {
    return read_all(transaction.exec(under_ticket_sql, {ticket}));
}

bool knows_ticket(db::Transaction &transaction, Note const &ticket) {
    return transaction.exec(knows_ticket_sql, {ticket}).one().boolean("known");
}

db::Pending<std::vector<Standing>> standing_for(db::Transaction &transaction, std::vector<Subject> const &subjects) {
    return transaction.ask(standing_sql,
                           {ids_of_kind(subjects, SubjectKind::agent), ids_of_kind(subjects, SubjectKind::org),
                            ids_of_kind(subjects, SubjectKind::key)},
                           read_all);
}

}  // namespace relay::sql
