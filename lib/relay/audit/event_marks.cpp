#include "relay/audit/event_marks.hpp"

#include <algorithm>

namespace relay {
namespace {

bool has_ended(sql::EventWriters const &then, sql::EventWriters const &now) {
    return now.oldest_open >= then.next_transaction &&
           std::none_of(then.writers.begin(), then.writers.end(), [&](std::string const &writer) {
               return std::binary_search(now.writers.begin(), now.writers.end(), writer);
           });
}

}  // namespace

void EventMarks::look(sql::EventWriters const &now, std::int64_t last_seen) {
    std::int64_t const last = now.last_event_id.value_or(last_seen);
    if (m_marks.empty() || last > m_marks.back().event_id) {
        m_marks.push_back({.event_id = last, .then = now});
    }
    while (!m_marks.empty() && has_ended(m_marks.front().then, now)) {
        m_settled = std::max(m_settled, m_marks.front().event_id);
        m_marks.pop_front();
    }
}

}  // namespace relay
