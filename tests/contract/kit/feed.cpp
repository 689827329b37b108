#include "verifier.hpp"

#include <poll.h>
#include <algorithm>
#include <stdexcept>
#include <thread>

/// How a verifier follows the changes, and the open connections that they end.
namespace gateway {

namespace {

using namespace std::chrono_literals;

constexpr std::array subjects{"key_id", "agent_id", "org_id"};
constexpr auto sign_of_life = 20s, pause = 1s;
constexpr auto pace = 20ms;  // from read to read, however often anyone notifies
constexpr auto gather = 5ms;  // from a notification to the read: one read for all changes of that moment
constexpr auto acknowledge_pace = 100ms;  // from one acknowledgement to the next, however many changes come
constexpr std::size_t page = 1000;  // rows of the feed
constexpr auto everything = "";  // the subject of a reset

/// The subject of a row of the feed: the narrowest that it names. A reset names none.
Subject subject(Row const &change) {
    for (char const *name : subjects) {
        if (Value const &value = change.at(name)) {
            return name + (' ' + *value);
        }
    }
    return everything;
}

/// The four subjects of which a row can concern a decision.
std::array<Subject, 4> subjects_of(Decision const &decision) {
    return {everything, "key_id " + decision.key.key_id, "agent_id " + decision.agent_id, "org_id " + decision.org_id};
}

bool take_notifications(PGconn *feed) {
    bool any = false;
    while (PGnotify *told = PQnotifies(feed)) {
        PQfreemem(told);
        any = true;
    }
    return any;
}

}  // namespace

std::size_t Changes::place(Subject const &subject) {
    return subject == everything ? 0 : 1 + std::hash<Subject>()(subject) % (size - 1);
}

std::array<std::size_t, 4> Changes::places(Decision const &decision) {
    std::array<std::size_t, 4> found{};
    std::ranges::transform(subjects_of(decision), found.begin(), place);
    return found;
}

void Changes::note(std::set<Subject> const &changed) {
    for (Subject const &subject : changed) {
        m_places[place(subject)] = m_number + 1;
    }
    ++m_number;  // at last: an answer that was asked for meanwhile is not kept
}

bool Changes::spare(Decision const &decision) const {
    return std::ranges::all_of(decision.places, [&](std::size_t place) { return m_places[place] <= decision.asked; });
}

bool Changes::unchanged(std::vector<std::size_t> const &places, std::uint64_t asked) const {
    return std::ranges::all_of(places, [&](std::size_t place) { return m_places[place] <= asked; });
}

Shared Verifier::hold(std::string_view text, End const &end, Claims const &claims) {
    while (true) {
        Shared decision = decide(text, claims);
        if (!decision->ok) {
            return decision;
        }
        std::lock_guard const lock(m_held_mutex);
        if (m_changes.spare(*decision)) {
            drop(end);  // the connection has shown another key before
            for (Subject const &subject : subjects_of(*decision)) {
                m_held[subject].emplace(end, decision);
            }
            return counted(decision, claims);
        }
    }
}

void Verifier::release(End const &end) {
    std::lock_guard const lock(m_held_mutex);
    drop(end);
}

/// Like release, for a thread that holds the lock.
void Verifier::drop(End const &end) {
    std::map<End, Shared> const &all = m_held[everything];
    auto const held = all.find(end);
    if (held == all.end()) {
        return;
    }
    Shared const decision = held->second;
    for (Subject const &subject : subjects_of(*decision)) {
        auto const found = m_held.find(subject);
        found->second.erase(end);
        if (found->second.empty()) {
            m_held.erase(found);
        }
    }
}

void Verifier::follow() {
    while (true) {
        try {
            Connection const feed = m_connect();
            if (m_gateway_id) {
                run(feed.get(), "LISTEN relay_key_changes");  // before the first read, so that no change is missed
            }
            while (true) {
                take_notifications(feed.get());
                catch_up(feed.get());
                // A statement also reads what arrived during it: the socket stays silent.
                if (!take_notifications(feed.get())) {
                    wait(feed.get());
                }
                std::this_thread::sleep_until(std::max(m_read_at.load() + pace, Clock::now() + gather));
            }
        } catch (std::exception const &) {
            m_read_at = never;
        }
        std::this_thread::sleep_for(pause);
    }
}

/// Returns when a notification may have come in, at the latest after `pause` or when an acknowledgement is due.
void Verifier::wait(PGconn *feed) {
    auto const rest = std::clamp<Clock::duration>(acknowledge_at() - Clock::now(), 0s, pause);
    pollfd ready{PQsocket(feed), POLLIN, 0};
    poll(&ready, 1, int(std::chrono::ceil<std::chrono::milliseconds>(rest).count()));
    if (PQconsumeInput(feed) == 0) {
        throw std::runtime_error("the feed ended");
    }
}

void Verifier::catch_up(PGconn *feed) {
    auto now = Clock::now();
    for (std::size_t rows = page; rows == page;) {  // a page that is not full is the last one
        now = Clock::now();
        Rows const changes =
            run(feed, "SELECT * FROM relay_api.changes_since($1, $2)", {m_cursor, std::to_string(page)});
        apply(changes);
        rows = changes.size();
    }
    m_read_at = now;
    if (now >= acknowledge_at()) {
        run(feed, "SELECT relay_api.acknowledge($1, $2)", {m_gateway_id, m_cursor});
        m_acknowledged = m_cursor;
        m_acknowledged_at = now;
    }
}

/// Returns when the next acknowledgement is due.
Clock::time_point Verifier::acknowledge_at() const {
    return !m_gateway_id ? Clock::time_point::max()
                         : m_acknowledged_at + (m_cursor == m_acknowledged ? sign_of_life : acknowledge_pace);
}

void Verifier::apply(Rows const &changes) {
    std::set<Subject> changed, kicking;
    for (Row const &change : changes) {
        changed.insert(subject(change));
        if (change.at("kicks") == "t") {
            kicking.insert(subject(change));
        }
    }
    m_changes.note(changed);
    std::for_each(kicking.rbegin(), kicking.rend(), [&](Subject const &one) { kick(one); });  // everything at last
    if (!changes.empty()) {
        m_cursor = changes.back().at("next_cursor");
    }
}

/// Ends the connections of a subject; of everything: those that the database refuses.
void Verifier::kick(Subject const &subject) {
    std::map<End, Shared> kicked;
    {
        std::lock_guard const lock(m_held_mutex);
        if (auto const held = m_held.find(subject); held != m_held.end()) {
            kicked = held->second;
        }
    }
    for (auto const &[end, decision] : kicked) {
        if (subject != everything || !ask(decision->key)->ok) {
            release(end);
            (*end)();
        }
    }
}

}  // namespace gateway
