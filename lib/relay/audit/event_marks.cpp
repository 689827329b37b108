#include "relay/audit/event_marks.hpp"

#include <algorithm>

namespace relay {
namespace {

/// Neighbouring spans are read in one go: one statement costs as much as reading that many numbers.
constexpr std::int64_t near = 100'000;

}  // namespace

void EventMarks::look(sql::EventWriters const &now) {
    for (Mark &mark : m_marks) {
        std::size_t const before = mark.then.writers.size();
        if (mark.then.next_transaction > 0 && now.last_event_id) {
            // The standby was promoted: what was open on the old primary has ended, unless it was prepared.
            mark.then = now;
            mark.is_due = true;
        } else if (mark.then.next_transaction > 0) {
            mark.is_due = now.oldest_open > mark.then.oldest_open;
            mark.then.oldest_open = now.oldest_open;
        } else {
            std::erase_if(mark.then.writers, [&](std::string const &writer) {
                return !std::binary_search(now.writers.begin(), now.writers.end(), writer);
            });
            mark.is_due = mark.then.writers.size() < before || mark.then.writers.empty();
        }
    }
    m_now = now;
}

void EventMarks::note(std::int64_t after, std::int64_t up_to, std::vector<std::int64_t> const &seen) {
    if (m_now.last_event_id && m_now.writers.empty()) {
        return;
    }
    Mark mark{.then = m_now};
    std::int64_t next = after + 1;
    for (std::int64_t const id : seen) {
        if (id > next) {
            mark.gaps.push_back({next, id - 1});
        }
        next = id + 1;
    }
    if (next <= up_to) {
        mark.gaps.push_back({next, up_to});
    }
    if (!mark.gaps.empty()) {
        m_marks.push_back(std::move(mark));
    }
}

std::vector<EventSpan> EventMarks::due() const {
    std::vector<EventSpan> spans;
    for (Mark const &mark : m_marks) {
        if (!mark.is_due) {
            continue;
        }
        if (spans.empty() || mark.gaps.front().first > spans.back().last + near) {
            spans.push_back({mark.gaps.front().first, mark.gaps.back().last});
        }
        spans.back().last = std::max(spans.back().last, mark.gaps.back().last);
    }
    return spans;
}

std::vector<std::int64_t> EventMarks::settle(std::vector<std::int64_t> const &seen) {
    std::vector<std::int64_t> late;
    for (Mark &mark : m_marks) {
        if (!mark.is_due) {
            continue;
        }
        std::vector<EventSpan> left;
        for (EventSpan gap : mark.gaps) {
            auto id = std::lower_bound(seen.begin(), seen.end(), gap.first);
            for (; id != seen.end() && *id <= gap.last; ++id) {
                late.push_back(*id);
                if (*id > gap.first) {
                    left.push_back({gap.first, *id - 1});
                }
                gap.first = *id + 1;
            }
            if (gap.first <= gap.last) {
                left.push_back(gap);
            }
        }
        mark.gaps = std::move(left);
    }
    std::erase_if(m_marks, [&](Mark const &mark) {
        bool const has_ended = mark.then.next_transaction > 0 ? m_now.oldest_open >= mark.then.next_transaction
                                                              : mark.then.writers.empty();
        return mark.gaps.empty() || (mark.is_due && has_ended);
    });
    return late;
}

}  // namespace relay
