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

void add(std::vector<Subject> &all, std::vector<Subject> const &more) {
    for (Subject const &subject : more) {
        if (std::find(all.begin(), all.end(), subject) == all.end()) {
            all.push_back(subject);
        }
    }
}

/// Asks which of them gateways would be answered otherwise about.
std::optional<db::Pending<std::vector<Subject>>> ask_answers(db::Transaction &transaction,
                                                             std::vector<Subject> const &subjects, ReadBack depth) {
    return depth == ReadBack::answers ? std::optional(sql::answered_contrary(transaction, subjects)) : std::nullopt;
}

/// What is not as asked is rolled back, and the rest with it: then each of them is in doubt.
void confirm(db::Transaction &transaction, std::vector<Subject> const &wrong, std::vector<Subject> const &asked,
             std::string_view what, std::string_view doubt) {
    if (wrong.empty()) {
        transaction.confirm(true, what);
        return;
    }
    std::vector<std::string> doubts;
    for (Subject const &subject : asked) {
        doubts.push_back(name_of(subject) + std::string(doubt));
    }
    transaction.confirm(false, std::string(what) + name_of(wrong.front()), std::move(doubts));
}

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
        std::vector<Subject> wrong;
        for (SubjectKind const one : {SubjectKind::org, SubjectKind::agent, SubjectKind::key}) {
            if (std::vector<Subject> const some = of_kind(subjects, one); !some.empty()) {
                auto const asked = in_force ? sql::not_in_force(transaction, some, kind, until)
                                            : sql::still_in_force(transaction, some, kind);
                add(wrong, asked.get());
            }
        }
        return wrong;
    });
}

}  // namespace

void confirm_committed(db::Database &database, IncidentReceipt &receipt, StandingKind kind, bool in_force) {
    std::vector<Subject> const subjects = subjects_without_error(receipt.items);
    std::vector<Subject> wrong;
    try {
        wrong = changed_since(database, subjects, kind, receipt.until, in_force);
    } catch (Error const &error) {
        receipt.unread = error.message();
        return;
    } catch (Interrupted const &) {
        receipt.unread = "interrupted";
        return;
    }
    if (wrong.empty()) {
        return;
    }
    std::vector<std::string> doubts;
    for (Subject const &subject : wrong) {
        doubts.push_back(name_of(subject) + std::string(doubt_of(kind, in_force)));
    }
    throw Error(ErrorKind::schema,
                "the transaction is committed, but without effect: " + name_of(wrong.front()) +
                    (in_force ? " is not " : " is still ") + std::string(text_of(status_of(kind))),
                {.why = "a trigger that runs at COMMIT undid it, or another session changed it since",
                 .next = advise(Act::verify_schema),
                 .changed = Changed::yes,
                 .not_confirmed = std::move(doubts)});
}

void confirm_shut_out(db::Transaction &transaction, std::vector<IncidentItem> &items, StandingKind kind,
                      std::optional<Instant> until, ReadBack depth) {
    std::vector<Subject> const subjects = subjects_without_error(items);
    if (subjects.empty()) {
        return;
    }
    auto const missing = sql::not_in_force(transaction, subjects, kind, until);
    auto const answers = ask_answers(transaction, subjects, depth);
    std::vector<Standing> const standing = sql::standing_for(transaction, subjects).get();
    std::vector<Subject> wrong = missing.get();
    for (IncidentItem &item : items) {
        auto const found = std::find_if(standing.begin(), standing.end(), [&](Standing const &one) {
            return one.kind == kind && one.subject == item.subject;
        });
        if (found != standing.end()) {
            item.standing = *found;
        } else if (!item.error && !item.is_token) {
            add(wrong, {item.subject});
        }
    }
    if (wrong.empty() && answers) {
        wrong = answers->get();
    }
    confirm(transaction, wrong, subjects, kind == StandingKind::block ? "the block of " : "the revocation of ",
            doubt_of(kind, true));
}

void confirm_lifted(db::Transaction &transaction, std::vector<IncidentItem> const &items, StandingKind kind,
                    ReadBack depth) {
    std::vector<Subject> const subjects = subjects_without_error(items);
    if (subjects.empty()) {
        return;
    }
    auto const left = sql::still_in_force(transaction, subjects, kind);
    auto const answers = ask_answers(transaction, subjects, depth);
    std::vector<Standing> const standing = sql::standing_for(transaction, subjects).get();
    std::vector<Subject> wrong = left.get();
    for (Standing const &one : standing) {
        if (one.kind == kind) {
            add(wrong, {one.subject});
        }
    }
    if (wrong.empty() && answers) {
        wrong = answers->get();
    }
    bool const block = kind == StandingKind::block;
    confirm(transaction, wrong, subjects, block ? "the end of the block of " : "the end of the revocation of ",
            doubt_of(kind, false));
}

}  // namespace relay
