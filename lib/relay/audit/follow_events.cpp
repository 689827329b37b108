#include "relay/audit/event_marks.hpp"
#include "relay/audit/events.hpp"
#include "relay/audit/events_list_sql.hpp"
#include "relay/db/listener.hpp"
#include "relay/identity/use_case.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <thread>

namespace relay {
namespace {

using namespace std::chrono_literals;

/// Changes of who is accepted send this; a mere authentication sends nothing, because it must not wait for NOTIFY's lock.
constexpr char const *channel = "relay_key_changes";
constexpr std::chrono::milliseconds pace = 1s;
/// Any login of the database may notify, as often as it likes: that costs at most one read in this time.
constexpr std::chrono::milliseconds shortest_pace = 50ms;
constexpr std::chrono::milliseconds first_backoff = 100ms;
constexpr std::chrono::milliseconds longest_backoff = 5s;
constexpr std::int64_t page_size = 1000;  // numbers
/// An event whose transaction was open at the start is found if its number is up to this far below the last one.
constexpr std::int64_t reach_back = 10'000;

class Follow {
  public:
    Follow(db::Database &database, FollowEvents const &request, EventFollower const &follower)
        : m_database(database), m_request(request), m_follower(follower) {}

    void run() {
        for (;;) {
            try {
                if (step()) {
                    return;
                }
            } catch (Error const &error) {
                if (error.kind() != ErrorKind::unavailable || !m_begun) {
                    throw;
                }
                back_off(error);
            }
        }
    }

  private:
    /// Listens first and reads then, so that an event in between wakes us. Returns true when following has ended.
    bool step() {
        if (!m_listener && !m_request.until_idle) {
            m_listener = m_database.listen(channel);
        }
        std::vector<Event> const events = m_begun ? read_new() : begin();
        come_back();
        for (Event const &event : events) {
            if (!m_follower.on_event(event)) {
                return true;
            }
        }
        if (m_has_more) {
            return false;
        }
        if (m_request.until_idle) {
            return events.empty();
        }
        m_listener->wait(pace);
        std::this_thread::sleep_until(m_read_at + shortest_pace);
        return false;
    }

    /// Finds out where the trail ends, and returns the last events before it.
    std::vector<Event> begin() {
        std::vector<Event> last;
        m_database.transact(reading(), [&](db::Transaction &transaction) {
            last.clear();
            m_marks = {};
            sql::require_known(transaction, m_request.filter);
            sql::EventWriters const now = sql::event_writers(transaction);
            std::int64_t const end = now.last_event_id ? *now.last_event_id : sql::last_event_id(transaction);
            m_marks.look(now);
            m_read_up_to = end;
            if (!now.last_event_id || !now.writers.empty()) {
                std::int64_t const from = std::max<std::int64_t>(end - reach_back, 0);
                m_marks.note(from, end, sql::event_ids_between(transaction, from, end));
            }
            if (m_request.last > 0) {
                sql::list_events(transaction, {.filter = m_request.filter, .limit = m_request.last})
                    .for_each([&](Event const &event) { last.push_back(event); });
            }
        });
        std::reverse(last.begin(), last.end());
        // What was committed between two statements of that transaction must not come twice.
        for (Event const &event : last) {
            if (event.event_id) {
                m_shown_at_start.insert(*event.event_id);
            }
        }
        m_begun = true;
        m_follower.on_start();
        return last;
    }

    std::vector<Event> read_new() {
        std::vector<Event> read;
        EventMarks marks;
        std::int64_t up_to = 0;
        m_read_at = std::chrono::steady_clock::now();
        m_database.transact(reading(), [&](db::Transaction &transaction) {
            marks = m_marks;
            sql::EventWriters const now = sql::event_writers(transaction);
            marks.look(now);
            std::int64_t const end = now.last_event_id.value_or(std::numeric_limits<std::int64_t>::max());
            std::vector<std::int64_t> ids = sql::event_ids_between(transaction, m_read_up_to, end, page_size);
            m_has_more = static_cast<std::int64_t>(ids.size()) == page_size;
            up_to = now.last_event_id && !m_has_more ? std::max(end, m_read_up_to)
                                                     : (ids.empty() ? m_read_up_to : ids.back());
            std::vector<std::int64_t> found;
            for (EventSpan const &span : marks.due()) {
                std::vector<std::int64_t> const some = sql::event_ids_between(transaction, span.first - 1, span.last);
                found.insert(found.end(), some.begin(), some.end());
            }
            std::vector<std::int64_t> const late = marks.settle(found);
            marks.note(m_read_up_to, up_to, ids);
            ids.insert(ids.end(), late.begin(), late.end());
            read = sql::events_with(transaction, m_request.filter, ids);
        });
        m_marks = std::move(marks);
        m_read_up_to = up_to;
        std::erase_if(read, [&](Event const &event) { return m_shown_at_start.contains(*event.event_id); });
        return read;
    }

    void back_off(Error const &error) {
        m_listener.reset();
        if (m_backoff == 0ms) {
            m_follower.on_loss(error);
        }
        m_backoff = std::min(std::max(m_backoff * 2, first_backoff), longest_backoff);
        std::this_thread::sleep_for(m_backoff);
    }

    void come_back() {
        if (m_backoff != 0ms) {
            m_backoff = 0ms;
            m_follower.on_return();
        }
    }

    db::Database &m_database;
    FollowEvents const &m_request;
    EventFollower const &m_follower;
    std::unique_ptr<db::Listener> m_listener{};
    EventMarks m_marks{};
    std::int64_t m_read_up_to = 0;  ///< everything up to it was shown, except what m_marks notes as missing
    std::set<std::int64_t> m_shown_at_start{};  ///< the last events before the start
    std::chrono::steady_clock::time_point m_read_at{};
    bool m_begun = false;
    bool m_has_more = false;
    std::chrono::milliseconds m_backoff{0};
};

}  // namespace

void follow_events(db::Database &database, FollowEvents const &request, EventFollower const &follower) {
    Follow(database, request, follower).run();
}

}  // namespace relay
