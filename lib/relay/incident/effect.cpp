#include "relay/incident/effect.hpp"

#include "relay/identity/revocations_sql.hpp"
#include "relay/identity/use_case.hpp"

#include <algorithm>

namespace relay {
namespace {

/// Leaves out tokens: no gateway is asked about them.
std::vector<Subject> subjects_without_error(std::vector<IncidentItem> const &items) {
    std::vector<Subject> subjects;
    for (IncidentItem const &item : items) {
        if (!item.error && !item.is_token) {
            subjects.push_back(item.subject);
        }
    }
    return subjects;
}

std::string name_of(Subject const &subject) { return std::string(text_of(kind_of(subject))) + ' ' + text_of(subject); }

/// How long the reading after the COMMIT may wait for a lock.
constexpr std::chrono::milliseconds reading_patience{500};

std::string_view doubt_of(StandingKind kind, bool in_force) {
    if (in_force) {
        return " may still be live";
    }
    return kind == StandingKind::block ? " may still be blocked" : " may still be revoked";
}

std::vector<Subject> of_kind(std::vector<Subject> const &subjects, SubjectKind kind) {
    std::vector<Subject> found;
    std::copy_if(subjects.begin(), subjects.end(), std::back_inserter(found),
                 [&](Subject const &subject) { return kind_of(subject) == kind; });
    return found;
}

/// Those of `subjects` that are not as they were when their transaction was about to commit.
std::vector<Subject> changed_since(db::Database &database, std::vector<Subject> const &subjects, StandingKind kind,
                                   std::optional<Instant> until, bool in_force) {
    db::TransactOptions options = reading();
    options.lock_patience = reading_patience;
    return database.transact(options, [&](db::Transaction &transaction) {
        return ask_committed(transaction, subjects, kind, in_force)(until);
    });
}

}  // namespace

std::vector<std::string> doubts_about(std::vector<Subject> const &subjects, StandingKind kind, bool in_force) {
    std::vector<std::string> doubts;
    for (Subject const &subject : subjects) {
        doubts.push_back(name_of(subject) + std::string(doubt_of(kind, in_force)));
    }
    return doubts;
}

std::function<std::vector<Subject>(std::optional<Instant> const &)> ask_committed(db::Transaction &transaction,
                                                                                  std::vector<Subject> const &subjects,
                                                                                  StandingKind kind, bool in_force) {
    std::vector<db::Pending<std::vector<sql::Term>>> asked;
    for (SubjectKind const one : {SubjectKind::org, SubjectKind::agent, SubjectKind::key, SubjectKind::device}) {
        if (std::vector<Subject> const some = of_kind(subjects, one); !some.empty()) {
            asked.push_back(sql::unlifted_terms(transaction, some, kind, in_force));
        }
    }
    return [subjects, in_force, asked = std::move(asked)](std::optional<Instant> const &until) {
        std::vector<Subject> standing;
        for (auto const &each : asked) {
            for (sql::Term const &term : each.get()) {
                if (!in_force || !term.until || (until && *term.until >= *until)) {
                    standing.push_back(term.subject);
                }
            }
        }
        std::sort(standing.begin(), standing.end());
        std::vector<Subject> wrong;
        std::copy_if(subjects.begin(), subjects.end(), std::back_inserter(wrong), [&](Subject const &subject) {
            return std::binary_search(standing.begin(), standing.end(), subject) != in_force;
        });
        return wrong;
    };
}

void refuse_without_effect(IncidentReceipt const &receipt, std::vector<Subject> const &wrong, StandingKind kind,
                           bool in_force) {
    std::vector<Subject> without_effect;
    for (Subject const &subject : subjects_without_error(receipt.items)) {
        if (std::find(wrong.begin(), wrong.end(), subject) != wrong.end()) {
            without_effect.push_back(subject);
        }
    }
    if (without_effect.empty()) {
        return;
    }
    throw Error(ErrorKind::schema,
                "the transaction is committed, but without effect: " + name_of(without_effect.front()) +
                    (in_force ? " is not " : " is still ") + std::string(text_of(status_of(kind))),
                {.why = "a trigger that runs at COMMIT undid it, or another session changed it since",
                 .next = advise(Act::verify_schema),
                 .changed = Changed::yes,
                 .not_confirmed = doubts_about(without_effect, kind, in_force)});
}

void confirm_committed(db::Database &database, IncidentReceipt &receipt, StandingKind kind, bool in_force) {
    std::vector<Subject> wrong;
    try {
        wrong = changed_since(database, subjects_without_error(receipt.items), kind, receipt.until, in_force);
    } catch (Error const &error) {
        receipt.unread = error.message();
    } catch (Interrupted const &) {
        receipt.unread = "interrupted";
    }
    refuse_without_effect(receipt, wrong, kind, in_force);
}

}  // namespace relay
