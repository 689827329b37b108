#include "relay/identity/revocations_sql.hpp"

#include "relay/db/list_text.hpp"

#include <algorithm>

namespace relay::sql {
namespace {

// The block that lasts longest comes first, and the earliest revocation (no end, so by at).
constexpr auto standing_sql = R"sql(
SELECT subject_kind, subject_id, kind, at, until, ticket, reason, actor, db_role
FROM relay.standing_revocations
WHERE (subject_kind = 'agent' AND subject_id = ANY ($1::text[])) OR (subject_kind = 'org' AND subject_id = ANY ($2::text[]))
   OR (subject_kind = 'key' AND subject_id = ANY ($3::text[])) OR (subject_kind = 'device' AND subject_id = ANY ($4::text[]))
ORDER BY until DESC NULLS FIRST, at)sql";

constexpr auto standing_for_agent_sql = R"sql(
SELECT subject_kind, subject_id, kind, at, until, ticket, reason, actor, db_role
FROM relay.standing_revocations
WHERE (subject_kind = 'agent' AND subject_id = $1)
   OR (subject_kind = 'org' AND subject_id = (SELECT agent.org_id FROM relay.agents AS agent WHERE agent.agent_id = $1))
ORDER BY until DESC NULLS FIRST, at)sql";

constexpr auto under_ticket_sql = R"sql(
SELECT subject_kind, subject_id, kind, at, until, ticket, reason, actor, db_role
FROM relay.standing_revocations WHERE ticket = $1 AND kind = $2 ORDER BY at)sql";

constexpr auto knows_ticket_sql =
    "SELECT EXISTS (SELECT FROM relay.revocations WHERE ticket = $1 AND kind = $2) AS known";

// The table itself, beside the views that the rest of the program reads.
constexpr auto terms_sql = R"sql(
SELECT subject_id AS id, until FROM relay.revocations
WHERE subject_id = ANY ($2::text[]) AND subject_kind = $1 AND kind = $3 AND lifted_at IS NULL
  AND ($4 OR until IS NULL OR until > statement_timestamp()))sql";

constexpr auto contrary_sql = "SELECT id FROM relay.contrary_answers($1, $2::text[]) AS id";

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

Subject read_subject(db::Row const &row, SubjectKind kind, char const *column) {
    switch (kind) {
        case SubjectKind::agent: return row.id<AgentId>(column);
        case SubjectKind::org: return row.id<OrgId>(column);
        case SubjectKind::device: return row.id<DeviceId>(column);
        case SubjectKind::key: break;
    }
    return row.id<KeyId>(column);
}

db::Pending<std::vector<Term>> unlifted_terms(db::Transaction &transaction, std::vector<Subject> const &subjects,
                                              StandingKind kind, bool ended_too) {
    SubjectKind const subject_kind = common_kind(subjects);
    return transaction.ask(
        terms_sql, {subject_kind, db::array_text(subjects), kind, ended_too}, [=](db::Rows const &rows) {
            std::vector<Term> terms;
            for (db::Row const row : rows) {
                terms.push_back(
                    {.subject = read_subject(row, subject_kind, "id"), .until = row.optional_instant("until")});
            }
            return terms;
        });
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

std::vector<Standing> standing_under(db::Transaction &transaction, std::string const &ticket, StandingKind kind) {
    return read_all(transaction.exec(under_ticket_sql, {ticket, kind}));
}

bool knows_ticket(db::Transaction &transaction, std::string const &ticket, StandingKind kind) {
    return transaction.exec(knows_ticket_sql, {ticket, kind}).one().boolean("known");
}

db::Pending<std::vector<Standing>> standing_for(db::Transaction &transaction, std::vector<Subject> const &subjects) {
    return transaction.ask(standing_sql,
                           {ids_of_kind(subjects, SubjectKind::agent), ids_of_kind(subjects, SubjectKind::org),
                            ids_of_kind(subjects, SubjectKind::key), ids_of_kind(subjects, SubjectKind::device)},
                           read_all);
}

db::Pending<std::vector<Standing>> standing_for_agent(db::Transaction &transaction, AgentId const &agent) {
    return transaction.ask(standing_for_agent_sql, {agent}, read_all);
}

}  // namespace relay::sql
