#include "relay/fleet/rotation_run.hpp"

#include "relay/db/batches.hpp"
#include "relay/identity/organizations_sql.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/model/error.hpp"
#include "relay/model/outcome.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <limits>

namespace relay {
namespace {

using std::chrono::seconds;

/// A rotation in which no run was at work for so long is not continued: the same request then means another rotation. Less
/// than a day, because of daily runs.
constexpr seconds most_age = std::chrono::hours(12);
constexpr seconds between_notes = std::chrono::minutes(10);

std::string text_of_duration(std::optional<seconds> const &duration) {
    return duration ? format_duration(*duration) : std::string("-");
}

/// How free text is written in a request. 0.1.0 wrote it as it is.
enum class FreeText { plain, quoted };

/// Free text in quotes, so that no text can pose as another part of the request.
std::string free_text(std::string_view text, FreeText form) {
    if (form == FreeText::plain) {
        return std::string(text);
    }
    std::string result = "\"";
    for (char const letter : text) {
        result += letter == '"' || letter == '\\' ? std::string{'\\', letter} : std::string(1, letter);
    }
    return result + '"';
}

/// Returns one line with everything that makes one request different from another. Where the keys go is not a part of it:
/// a rotation may be continued on another machine.
std::string canonical(RotateFleet const &request, FreeText form) {
    std::string labels;
    for (Label const &label : request.which.labels) {
        labels += (labels.empty() ? "" : ",") + free_text(label.text(), form);
    }
    return fmt::format(
        "rotate-key org={} owner={} no-owner={} labels={} match={} if-older-than={} due-within={} missing={} grace={} "
        "retire-on-first-use={} force={} expires={}",
        request.org ? request.org->text() : "-",
        request.which.owner ? free_text(request.which.owner->text(), form) : "-", request.which.unowned, labels,
        request.which.match ? free_text(*request.which.match, form) : "-", text_of_duration(request.if_older_than),
        text_of_duration(request.due_within), request.if_missing, format_duration(request.grace),
        request.retire_on_first_use, request.force,
        request.expires_at ? format_instant_exact(*request.expires_at) : std::string("-"));
}

/// A rotation that 0.1.0 has opened is continued.
sql::FleetRequest texts_of(RotateFleet const &request) {
    return {.text = canonical(request, FreeText::quoted), .earlier_text = canonical(request, FreeText::plain)};
}

void add(FleetCounts &sum, FleetCounts const &page) {
    sum.candidates += page.candidates;
    sum.not_due += page.not_due;
    sum.done += page.done;
    sum.blocked += page.blocked;
    sum.revoked += page.revoked;
    sum.keyless += page.keyless;
}

}  // namespace

void RotationRun::begin() {
    m_database.transact(reading(), [&](db::Transaction &transaction) {
        if (m_request.org) {
            sql::get_org(transaction, *m_request.org);
        }
        note(transaction);
        sql::FoundRotation const found = sql::find_rotation(transaction, texts_of(m_request), most_age);
        m_last_before = found.last_before;
        if (m_request.restart && found.open) {
            m_last_before = found.open->rotation_id;
        } else {
            m_rotation = found.open;
        }
    });
    count_all();
    std::int64_t total = m_result.before.candidates;
    if (m_request.limit) {
        total = std::min(total, *m_request.limit);
    }
    if (m_request.expect && total != *m_request.expect && !is_rest_of(*m_request.expect)) {
        throw Error(ErrorKind::conflict,
                    fmt::format("{} agents would get a new key, not {}; nothing was done", total, *m_request.expect),
                    {.next = advise(Act::try_without_change)});
    }
    m_result.before.candidates = total;
    m_total = total;
    if (m_rotation) {
        m_result.continued = m_rotation->began_at;
    }
    if (m_observer.starting) {
        m_observer.starting(m_result.before, m_result.continued);
    }
    if (total > 0 && !m_options.dry_run) {
        m_rotation = m_database.transact(writing(m_options), [&](db::Transaction &transaction) {
            sql::OpenRotation open =
                sql::open_rotation(transaction, texts_of(m_request), m_request.restart ? seconds(0) : most_age,
                                   m_last_before, m_options.by);
            if (open.continued) {
                transaction.nothing_to_do();
            }
            return open;
        });
    }
    if (m_observer.progress) {
        m_observer.progress(0, total);  // the pace is measured from here
    }
}

/// Returns true if this run continues a rotation that began with that many agents: the same words again must be accepted.
bool RotationRun::is_rest_of(std::int64_t expected) const {
    std::int64_t const all = m_result.before.candidates + m_result.before.done;
    return m_rotation && std::min(all, m_request.limit.value_or(all)) == expected;
}

void RotationRun::count_all() {
    std::optional<AgentId> after;
    while (auto const page = m_database.transact(
               reading(), [&](db::Transaction &transaction) { return sql::count_page(transaction, query(), after); })) {
        add(m_result.before, page->counts);
        after = page->last;
    }
}

std::optional<std::vector<sql::Candidate>> RotationRun::next_page(std::size_t most) {
    if (m_is_at_end || !may_continue()) {
        return std::nullopt;
    }
    std::int64_t const left = std::min(static_cast<std::int64_t>(most), left_to_take());
    if (left <= 0) {
        m_is_at_end = !has_more();
        return std::nullopt;
    }
    sql::CandidatePage page = m_database.transact(reading(), [&](db::Transaction &transaction) {
        sql::FleetQuery all = query();
        all.also_not_due = m_looks_at_all;
        return sql::next_candidates(transaction, all, m_after, left);
    });
    m_after = page.next;
    m_is_at_end = !page.next;
    m_taken += std::count_if(page.candidates.begin(), page.candidates.end(),
                             [](sql::Candidate const &candidate) { return candidate.is_due; });
    m_page_before = std::exchange(m_page, std::move(page.candidates));
    return m_page;
}

/// Agents that got no key do not count for the limit, or those that always fail would keep it from the others. With an
/// expected number, no run takes more than were counted.
std::int64_t RotationRun::left_to_take() const {
    std::int64_t left = std::numeric_limits<std::int64_t>::max();
    if (m_request.limit) {
        left = *m_request.limit - (m_taken - m_result.failed - m_result.unchanged);
    }
    return m_request.expect ? std::min(left, m_total - m_taken) : left;
}

/// Returns true if agents are left, after the limit.
bool RotationRun::has_more() const {
    for (std::optional<AgentId> after = m_after;;) {
        sql::CandidatePage const page = m_database.transact(reading(), [&](db::Transaction &transaction) {
            return sql::next_candidates(transaction, query(), after, 1);
        });
        if (!page.candidates.empty() || !page.next) {
            return !page.candidates.empty();
        }
        after = page.next;
    }
}

std::vector<sql::Candidate> RotationRun::still_to_rotate(std::vector<AgentId> const &agents) {
    return m_database.transact(
        reading(), [&](db::Transaction &transaction) { return sql::find_candidates(transaction, query(), agents); });
}

void RotationRun::report(RotatedAgent row) {
    switch (row.outcome) {
        case FleetOutcome::rotated: ++m_result.rotated; break;
        case FleetOutcome::confirmed: ++m_result.confirmed; break;
        case FleetOutcome::unchanged: ++m_result.unchanged; break;
        case FleetOutcome::failed: ++m_result.failed; break;
    }
    if (m_observer.after && row.key_is_active && !m_options.dry_run) {
        if (auto const complaint = m_observer.after(row)) {
            ++m_result.not_followed;
            row.reason = *complaint;
        }
    }
    if (m_observer.each) {
        m_observer.each(row);
    }
    if (m_observer.progress) {
        m_observer.progress(m_result.rotated + m_result.confirmed + m_result.unchanged + m_result.failed,
                            m_result.before.candidates);
    }
}

void RotationRun::fail(AgentId const &agent, std::string reason) {
    RotatedAgent row{.agent_id = agent, .outcome = FleetOutcome::failed, .reason = std::move(reason)};
    if (auto const *candidate = known(agent)) {
        row.org_id = candidate->org;
        row.owner = candidate->owner;
        row.key_id = candidate->active;
    }
    report(std::move(row));
}

sql::Candidate const *RotationRun::known(AgentId const &agent) const {
    for (auto const *page : {&m_page, &m_page_before}) {
        auto const found = std::find_if(page->begin(), page->end(),
                                        [&](sql::Candidate const &candidate) { return candidate.agent == agent; });
        if (found != page->end()) {
            return &*found;
        }
    }
    return nullptr;
}

void RotationRun::count_batch(std::string const &destination) {
    ++m_result.batches;
    if (!m_options.dry_run) {
        m_result.delivered_to = destination;
    }
}

void RotationRun::note(db::Transaction &transaction) {
    note_who(m_result, transaction);
    if (m_request.expires_at && *m_request.expires_at <= transaction.now()) {
        throw Error(ErrorKind::usage, fmt::format("the new keys would end at {}, which has passed; nothing was changed",
                                                  format_instant_seconds(*m_request.expires_at)));
    }
    auto const now = std::chrono::steady_clock::now();
    if (m_rotation && !m_options.dry_run && now - m_noted >= between_notes) {
        sql::note_work(transaction, m_rotation->rotation_id);
        m_noted = now;
    }
}

RotatedFleet RotationRun::finish() {
    m_result.complete = m_result.complete && m_is_at_end && may_continue();
    if (m_rotation && m_result.complete && m_result.failed == 0 && !m_options.dry_run) {
        m_result.finished = m_rotation->rotation_id;
    }
    m_result.changed = m_result.rotated + m_result.confirmed > 0;
    return std::move(m_result);
}

Error RotationRun::ended_by(Error const &error) const {
    auto const done = m_result.rotated + m_result.confirmed;
    if (m_options.dry_run || !m_rotation || done > 0 || error.hint().changed != Changed::no) {
        return after_earlier_batches(error, static_cast<std::size_t>(m_options.dry_run ? 0 : done),
                                     "keys were rotated");
    }
    // The rotation is opened, but no key was rotated.
    Hint hint = error.hint();
    hint.changed = Changed::partly;
    hint.next = Advice("run the same command again").also(std::move(hint.next));
    return {error.kind(), what_failed(error) + "; no key was rotated", hint};
}

RotateKey RotationRun::request_for(AgentId const &agent) const {
    return {.agent = agent,
            .grace = m_request.grace,
            .if_older_than = m_request.if_older_than,
            .due_within = m_request.due_within,
            .if_missing = m_request.if_missing,
            .unless_made_after = began_order(),
            .expires_at = m_request.expires_at,
            .retire_on_first_use = m_request.retire_on_first_use,
            .force = m_request.force};
}

RotatedAgent rotated_agent(Receiver const &agent, RotatedKey const &rotated) {
    bool const has_new_key = rotated.changed && rotated.unchanged_because.empty();
    RotatedAgent row{.agent_id = agent.agent,
                     .org_id = agent.org,
                     .owner = agent.owner,
                     .outcome = has_new_key       ? FleetOutcome::rotated
                                : rotated.changed ? FleetOutcome::confirmed
                                                  : FleetOutcome::unchanged,
                     .reason = rotated.unchanged_because};
    if (rotated.key) {
        row.key_id = rotated.key->key_id;
        row.key_is_active = rotated.changed && rotated.key->state == KeyState::active;
    }
    if (rotated.changed && rotated.previous) {
        row.set_previous(*rotated.previous);
    }
    return row;
}

void RotatedAgent::set_previous(Key const &previous) {
    previous_key_id = previous.key_id;
    previous_works_until = previous.live() ? previous.expires_at : std::nullopt;
}

}  // namespace relay
