#include "relay/feed/changes.hpp"

#include "relay/db/listener.hpp"
#include "relay/feed/changes_sql.hpp"
#include "relay/identity/use_case.hpp"

#include <algorithm>
#include <thread>

namespace relay {
namespace {

using namespace std::chrono_literals;

constexpr char const *channel = "relay_key_changes";
/// How often to poll without a NOTIFY: a change that waits for a synchronous standby sends none.
constexpr std::chrono::milliseconds listening_pace = 3s;
/// How often to poll where no NOTIFY can arrive (through a pooler, on a standby).
constexpr std::chrono::milliseconds polling_pace = 1s;
/// Any login of the database may notify, as often as it likes: that costs at most one read in this time.
constexpr std::chrono::milliseconds shortest_pace = 20ms;
constexpr std::chrono::milliseconds first_backoff = 100ms;
constexpr std::chrono::milliseconds longest_backoff = 5s;

class Follow {
  public:
    Follow(db::Database &database, FollowChanges const &request, ChangeFollower const &follower)
        : m_database(database), m_request(request), m_follower(follower), m_cursor(request.since) {}

    void run() {
        for (;;) {
            try {
                if (step()) {
                    return;
                }
            } catch (Error const &error) {
                bool const may_pass = error.kind() == ErrorKind::unavailable || error.kind() == ErrorKind::usage;
                if (!may_pass || !m_reached) {  // once reached, a fault that looks permanent may pass, too
                    throw;
                }
                back_off(error);
            }
        }
    }

  private:
    /// Listens first and reads then, so that a change in between wakes us. Returns true when following has ended.
    bool step() {
        if (!m_listener && !m_request.until_idle) {
            m_listener = m_database.listen(channel);
        }
        if (!m_cursor) {
            m_cursor = read().front().cursor;  // the "reset" row has the cursor to begin from
        }
        std::vector<KeyChange> const changes = read();
        if (!m_reached) {
            m_reached = true;
            m_follower.on_start(*m_cursor);
        }
        come_back();
        std::string const before = *m_cursor;
        for (KeyChange const &change : changes) {
            m_cursor = change.cursor;
            if (!m_follower.on_change(change)) {
                return true;
            }
        }
        if (*m_cursor != before) {
            return false;
        }
        if (m_request.until_idle) {
            return true;
        }
        m_listener->wait(m_listener->hears() ? listening_pace : polling_pace);
        std::this_thread::sleep_until(m_read_at + shortest_pace);
        return false;
    }

    std::vector<KeyChange> read() {
        std::vector<KeyChange> changes;
        m_read_at = std::chrono::steady_clock::now();
        m_database.transact(reading(),
                            [&](db::Transaction &transaction) { changes = sql::changes_since(transaction, m_cursor); });
        return changes;
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
    FollowChanges const &m_request;
    ChangeFollower const &m_follower;
    std::optional<std::string> m_cursor;
    std::unique_ptr<db::Listener> m_listener{};
    std::chrono::steady_clock::time_point m_read_at{};
    bool m_reached = false;
    std::chrono::milliseconds m_backoff{0};
};

}  // namespace

void follow_changes(db::Database &database, FollowChanges const &request, ChangeFollower const &follower) {
    try {
        Follow(database, request, follower).run();
    } catch (Error const &error) {
        if (error.hint().sqlstate == "22023") {
            throw Error(
                ErrorKind::usage, "the value of --since is not a cursor of the change feed",
                {.why = "a cursor is one word such as 1f2e3d4c.1.745.12.746:746:",
                 .next = Advice("use the cursor of the last line that you read").also(advise(Act::begin_feed_anew))});
        }
        throw;
    }
}

}  // namespace relay
