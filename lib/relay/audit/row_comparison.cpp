#include "relay/audit/row_comparison.hpp"

#include <algorithm>

namespace relay {

void RowComparison::compare(db::Transaction &transaction, std::vector<ComparedRow> const &rows, std::int64_t up_to) {
    auto entry = m_entries.next(transaction, up_to);
    auto const skip = [&] {
        auto const [month, is_first] =
            m_missing.try_emplace(entry->entry.month, MissingEntries{.first = *entry, .last = *entry});
        ++month->second.count;
        month->second.last = *entry;
        entry = m_entries.next(transaction, up_to);
    };
    for (ComparedRow const &row : rows) {
        while (entry && entry->entry.event_id < row.entry.event_id) {
            skip();
        }
        if (entry && entry->entry.event_id == row.entry.event_id) {
            compare_with(*entry, row);
            entry = m_entries.next(transaction, up_to);
        } else if (row.entry.event_id <= m_complete || m_previous == row.entry.event_id) {
            add(row);
        } else {
            ++m_counts.unsealed_rows;
        }
        m_previous = row.entry.event_id;
    }
    while (entry) {
        skip();
    }
}

void RowComparison::compare_with(SealedEntry const &entry, ComparedRow const &row) {
    ++m_present[entry.entry.month];
    if (entry.entry == row.entry) {
        ++m_counts.rows;
        return;
    }
    ++m_counts.altered;
    fault({.what = "altered",
           .event_id = row.entry.event_id,
           .seal_no = entry.seal_no,
           .text = event_text(row.entry.event_id) + " was altered",
           .place = row.place});
}

void RowComparison::add(ComparedRow const &row) {
    ++m_counts.added;
    bool const is_second = row.place && m_previous == row.entry.event_id;
    fault({.what = "added",
           .event_id = row.entry.event_id,
           .text = event_text(row.entry.event_id) +
                   (is_second ? " is in the archive twice" : " was added after its range was sealed"),
           .place = row.place});
}

void RowComparison::miss(SealedEntry const &first, std::int64_t count, std::string text) {
    m_counts.missing += count;
    fault({.what = "missing", .event_id = first.entry.event_id, .seal_no = first.seal_no, .text = std::move(text)});
}

void RowComparison::fault(AuditFault fault) {
    if (!m_first || *fault.event_id < *m_first->event_id) {
        m_first = std::move(fault);
    }
}

void RowComparison::report(AuditVerification &result) const {
    result.rows = m_counts.rows;
    result.altered = m_counts.altered;
    result.missing = m_counts.missing;
    result.added = m_counts.added;
    result.unsealed_rows = m_counts.unsealed_rows;
    if (!result.fault) {
        result.fault = m_first;
    }
}

std::string event_text(std::int64_t event_id) { return "event " + std::to_string(event_id); }

std::string month_name(std::uint16_t month) {
    std::string const year = std::to_string(month / 12);
    std::string const number = std::to_string(month % 12 + 1);
    return std::string(4 - std::min<std::size_t>(year.size(), 4), '0') + year + '-' +
           std::string(2 - number.size(), '0') + number;
}

}  // namespace relay
