#pragma once

#include "relay/db/transaction.hpp"

#include <deque>
#include <string>
#include <vector>

namespace relay {

namespace sql {

/// What relay.event_writers returns: the last number that was taken, and what may still commit an event up to it.
struct EventWriters {
    std::optional<std::int64_t> last_event_id{};  ///< none on a standby
    std::vector<std::string> writers{};  ///< sorted
    std::int64_t oldest_open = 0;  ///< of a standby: the oldest transaction that may be open
    std::int64_t next_transaction = 0;  ///< likewise: those from here on have not begun
};
EventWriters event_writers(db::Transaction &transaction);

}  // namespace sql

/// EventMarks: up to which number the audit trail is complete.
///
/// An event takes its number before its transaction commits, so events do not appear in the order of their numbers. Each
/// time that a reader looks, it marks the last number that was taken, and the transactions that may still write. When all
/// of these have ended, nothing can appear below the mark. So a reader never waits, and never misses a late commit.
class EventMarks {
  public:
    /// Takes a look. `last_seen`: the highest number that was read, for a standby.
    void look(sql::EventWriters const &now, std::int64_t last_seen);
    /// Returns the number up to which everything was visible to a statement that began after the last look.
    std::int64_t settled() const { return m_settled; }

  private:
    struct Mark {
        std::int64_t event_id = 0;
        sql::EventWriters then{};
    };
    std::deque<Mark> m_marks{};
    std::int64_t m_settled = 0;
};

}  // namespace relay
