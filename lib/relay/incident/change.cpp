#include "relay/incident/change.hpp"

#include "relay/db/lock_holders.hpp"
#include "relay/identity/revocations_sql.hpp"
#include "relay/identity/use_case.hpp"

#include <algorithm>

namespace relay {
namespace {

std::string no_such(Subject const &subject) {
    return "no " + std::string(text_of(kind_of(subject))) + ' ' + text_of(subject);
}

/// Returns the advice to list all subjects of this kind, so that the reader can look up the id.
Advice list_for(Subject const &subject) {
    switch (kind_of(subject)) {
        case SubjectKind::agent: return advise(Act::list_agents);
        case SubjectKind::org: return advise(Act::list_orgs);
        case SubjectKind::device: return advise(Act::list_devices);
        case SubjectKind::key: break;
    }
    return advise(Act::list_keys);
}

Error unknown(Subject const &subject, Direction direction) {
    bool const can_force = direction == Direction::shut_out && kind_of(subject) == SubjectKind::agent;
    Advice list = list_for(subject);
    return {ErrorKind::not_found,
            no_such(subject),
            {.next = can_force ? std::move(list).also(advise(Act::shut_out_unknown_agent)) : std::move(list),
             .sought = {.kind = text_of(kind_of(subject)), .text = text_of(subject)}}};
}

/// What is read behind the COMMIT.
struct Following {
    std::function<std::vector<Subject>(std::optional<Instant> const &)> wrong{};
    std::function<std::optional<AgentDetails>()> details{};
    std::optional<std::vector<Subject>> found_wrong{};
    std::optional<AgentDetails> found{};

    /// The effect may have been read although the report failed, for which a login may lack a right.
    void take_what_came(std::optional<Instant> const &until) {
        try {
            found_wrong = wrong(until);
        } catch (Error const &) {
            found_wrong.reset();
        }
    }
};

std::optional<AgentId> only_agent(std::vector<Subject> const &subjects) {
    return subjects.size() == 1 ? subject_as<AgentId>(subjects.front()) : std::nullopt;
}

/// Best effort: the change is committed.
std::string find_lock_holders(db::Database &database) {
    try {
        db::TransactOptions options = reading();
        options.check_schema = false;
        return database.transact(options,
                                 [](db::Transaction &transaction) { return db::describe_lock_holders(transaction); });
    } catch (Error const &) {
        return "";
    } catch (Interrupted const &) {
        return "";
    }
}

IncidentReceipt attempt(db::Database &database, db::TransactOptions const &transact, Trail &trail, Change change) {
    IncidentReceipt receipt;
    Following following;
    bool const shuts_out = change.direction() == Direction::shut_out;
    sql::ShutOut const &request = change.request();
    db::AtOnce work{.send =
                        [&](db::Transaction &transaction, std::optional<Instant> committed_at) {
                            trail.begin();
                            change.send(transaction, trail, committed_at);
                        },
                    .read = [&] { receipt = change.read(trail); }};
    // A long list of ids would be sent in parts, and a report of it would not be read anyway.
    constexpr std::size_t most_followed = 200;
    if (!trail.follows() && request.subjects.size() <= most_followed) {
        work.follow = [&](db::Transaction &transaction) {
            following.wrong = ask_committed(transaction, request.subjects, request.kind, shuts_out);
            if (auto const agent = only_agent(request.subjects)) {
                following.details = ask_details(transaction, *agent, incident_events);
            }
        };
        work.read_following = [&] {
            try {
                following.found_wrong = following.wrong(receipt.until);
                following.found = following.details ? following.details() : std::nullopt;
            } catch (Error const &) {
                following.take_what_came(receipt.until);
                throw;
            }
        };
    }
    std::optional<std::string> const unread = database.transact_at_once(transact, work);
    if (std::any_of(receipt.items.begin(), receipt.items.end(),
                    [](IncidentItem const &item) { return !item.looked_up; })) {
        receipt.lock_holders = find_lock_holders(database);
    }
    if (!receipt.changed || transact.dry_run) {
        receipt.details = std::move(following.found);
        return receipt;
    }
    bool const is_settled = !following.found_wrong && !unread;  // its answers were lost
    if (!work.follow || is_settled) {
        confirm_committed(database, receipt, request.kind, shuts_out);
        return receipt;
    }
    if (following.found_wrong) {
        refuse_without_effect(receipt, *following.found_wrong, request.kind, shuts_out);
    } else {
        receipt.unread = unread;
    }
    receipt.details = std::move(following.found);
    return receipt;
}

}  // namespace

void Change::send(db::Transaction &transaction, Trail const &trail, std::optional<Instant> committed_at) {
    m_request.writes_events = !trail.follows();
    m_request.depth = trail.depth();
    m_request.committed_at = committed_at;
    bool const shuts_out = m_direction == Direction::shut_out;
    auto judged = shuts_out ? sql::shut_out(transaction, m_request, m_by) : sql::lift(transaction, m_request, m_by);
    if (!committed_at) {
        shuts_out ? sql::require_shut_out(transaction, m_request) : sql::require_lifted(transaction, m_request);
    }
    m_sent.emplace(Sent{.transaction = transaction,
                        .judged = std::move(judged),
                        .standing = sql::standing_for(transaction, m_request.subjects),
                        .announced = transaction.ask_announced()});
}

IncidentItem Change::item_of(sql::Judged const &one, std::vector<Standing> const &standing) const {
    IncidentItem item{.subject = one.subject, .known = one.known, .looked_up = one.looked_up, .changed = one.changed};
    bool const shuts_out = m_direction == Direction::shut_out;
    if (!one.known && one.looked_up && !(shuts_out ? m_request.force : one.changed)) {
        item.error = unknown(one.subject, m_direction);
        return item;
    }
    item.extended_only = shuts_out && one.changed && one.stood && !m_request.committed_at;
    // What is in force now: as asked for, or what is still in force after lifting.
    auto const found = std::find_if(standing.begin(), standing.end(), [&](Standing const &row) {
        return row.subject == one.subject && (row.kind == m_request.kind) == shuts_out;
    });
    if (found != standing.end()) {
        item.standing = *found;
    }
    return item;
}

sql::NewEvent Change::event_of(sql::Judged const &one, std::optional<Instant> until) const {
    auto const org = subject_as<OrgId>(one.subject);
    auto const agent = subject_as<AgentId>(one.subject);
    sql::NewEvent event{.action = m_direction == Direction::shut_out ? sql::shut_out_action(one.subject, m_request.kind)
                                                                     : sql::lift_action(one.subject, m_request.kind),
                        .org_id = org ? org : one.org_id,
                        .agent_id = agent ? agent : one.agent_id,
                        .key_id = one.key_id};
    if (until) {
        event.detail.add("until", format_instant(*until));
    }
    return event;
}

IncidentReceipt Change::read(Trail &trail) {
    IncidentReceipt receipt;
    sql::JudgedAll const all = m_sent->judged.get();
    std::vector<Standing> const standing = m_sent->standing.get();
    note_who(receipt, m_sent->transaction);
    receipt.until = all.until;
    std::vector<sql::NewEvent> events;
    for (sql::Judged const &one : all.subjects) {
        receipt.items.push_back(item_of(one, standing));
        receipt.changed = receipt.changed || one.changed;
        if (one.changed) {
            events.push_back(event_of(one, all.until));
        }
    }
    if (m_request.committed_at && events.empty()) {
        receipt.changed = true;  // it has written something, whatever has become of it since
    }
    if (trail.follows() || !m_request.committed_at) {
        trail.note(events, all.events);
    }
    if (receipt.changed && !m_request.committed_at && !m_sent->announced.get()) {
        m_sent->transaction.note_unannounced();
    }
    return receipt;
}

IncidentReceipt change_in(db::Transaction &transaction, Direction direction, sql::ShutOut request,
                          Attribution const &by, Trail &trail) {
    Change change(direction, std::move(request), by);
    try {
        change.send(transaction, trail);
        IncidentReceipt receipt = change.read(trail);
        transaction.settle();
        transaction.confirm(true, "");  // the server has read it back
        return receipt;
    } catch (Error const &error) {
        Hint hint = error.hint();
        if (error.kind() == ErrorKind::schema && hint.not_confirmed.empty()) {
            hint.not_confirmed =
                doubts_about(change.request().subjects, change.request().kind, direction == Direction::shut_out);
        }
        throw Error(error.kind(), error.message(), hint);
    }
}

IncidentReceipt change_at_once(db::Database &database, Direction direction, sql::ShutOut const &request,
                               WriteOptions const &options) {
    Change const change(direction, request, options.by);
    if (direction == Direction::lift) {
        Trail trail(false);
        IncidentReceipt receipt = attempt(database, patient(options), trail, change);
        receipt.trail_missing = trail.write(database, options, receipt.at);
        return receipt;
    }
    return insist(database, options, [&](db::TransactOptions const &transact, Trail &trail) {
        return attempt(database, transact, trail, change);
    });
}

}  // namespace relay
