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

/// Numbers of events, from `first` to `last`.
struct EventSpan {
    std::int64_t first = 0;
    std::int64_t last = 0;
};

/// EventMarks: which events below those that were read may still appear.
///
/// An event takes its number before its transaction commits, so events do not appear in the order of their numbers. A
/// reader notes the numbers that it did not find, with the transactions that may still write them. When one of these has
/// ended, it looks at these numbers again; when all have ended, it forgets them. So a reader never waits, never misses a
/// late commit, and reads and remembers little, however long a writer stays open.
class EventMarks {
  public:
    /// Takes a look, before the numbers are read.
    void look(sql::EventWriters const &now);
    /// Returns the spans in which events may have appeared since the last look, in order.
    std::vector<EventSpan> due() const;
    /// `seen`: the numbers of all events in the spans, sorted. Returns those that had been missing.
    std::vector<std::int64_t> settle(std::vector<std::int64_t> const &seen);
    /// Notes what is missing after a number, up to another one. `seen`: what was found between them, sorted.
    void note(std::int64_t after, std::int64_t up_to, std::vector<std::int64_t> const &seen);

  private:
    struct Mark {
        std::vector<EventSpan> gaps{};  ///< sorted, never empty
        sql::EventWriters then{};  ///< without the writers that have ended since
        bool is_due = false;
    };
    std::deque<Mark> m_marks{};  ///< in the order of their numbers
    sql::EventWriters m_now{};
};

}  // namespace relay
