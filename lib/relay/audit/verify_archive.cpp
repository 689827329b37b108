#include "relay/audit/read_in_steps.hpp"
#include "relay/audit/row_comparison.hpp"
#include "relay/audit/seals_sql.hpp"
#include "relay/audit/verify.hpp"

#include <algorithm>
#include <limits>

namespace relay {
namespace {

struct ArchiveState : VerifyState {
    std::optional<RowComparison> rows{};
    std::int64_t compared_up_to = 0;
};

constexpr std::int64_t most_numbers = 20 * sql::numbers_per_step;  // in one transaction

/// The rows of an archive in parts: of bounded size, and of a bounded range of numbers.
class Pages {
  public:
    explicit Pages(VerifyArchive const &request) : m_next(request.next), m_row(m_next()) {}

    bool ended() const { return !m_row; }
    std::int64_t first() const { return m_row->entry.event_id; }

    /// Returns the next rows, and notes how long ago the first one without a seal was.
    std::vector<ComparedRow> take(ArchiveState &state) {
        std::vector<ComparedRow> rows;
        std::int64_t const from = first();
        for (; m_row && rows.size() < static_cast<std::size_t>(sql::numbers_per_step) && first() - from < most_numbers;
             m_row = m_next()) {
            rows.push_back({.entry = m_row->entry, .place = m_row->place});
            auto &since = state.result.unsealed_since;
            if (first() > state.chain.last().up_to_event_id && (!since || m_row->occurred_at < *since)) {
                since = m_row->occurred_at;
            }
        }
        return rows;
    }

  private:
    std::function<std::optional<ArchivedEvent>()> const &m_next;
    std::optional<ArchivedEvent> m_row;
};

/// Reads the entries up to a number that have no row, in parts.
void skip(ReadInSteps<ArchiveState> &steps, std::int64_t up_to) {
    steps.while_true([&](db::Transaction &transaction, ArchiveState &state) {
        std::int64_t const end =
            std::min({up_to, state.chain.last().up_to_event_id, state.compared_up_to + most_numbers});
        state.rows->compare(transaction, {}, end);
        bool const more = end > state.compared_up_to;
        state.compared_up_to = std::max(end, state.compared_up_to);
        return more;
    });
}

/// A month is known by the entries of the rows, because a row itself may claim another one.
void conclude(ArchiveState &state, bool partial) {
    for (auto const &[month, rows] : state.rows->present()) {
        auto const gone = state.rows->missing().find(month);
        if (gone == state.rows->missing().end()) {
            state.result.archive_months.push_back(month_name(month));
        } else if (!partial) {
            SealedEntry const &first = gone->second.first;
            state.rows->miss(
                first, gone->second.count,
                event_text(first.entry.event_id) + " is missing: the archive has other events of " + month_name(month));
        }
    }
    state.rows->report(state.result);
    AuditVerification &result = state.result;
    if (!result.fault && result.rows == 0) {
        result.fault =
            AuditFault{.what = "not_sealed", .text = "no event of the archive has a seal, so nothing can be proven"};
    }
}

}  // namespace

AuditVerification verify_archive(db::Database &database, VerifyArchive const &request) {
    ReadInSteps<ArchiveState> steps(database, ArchiveState{{.chain = SealChain(request.head)}});
    steps.check_chain();
    steps.state().rows.emplace(steps.state().chain);
    Pages pages(request);
    while (!pages.ended()) {
        skip(steps, pages.first() - 1);
        auto const rows = pages.take(steps.state());
        std::int64_t const up_to = rows.back().entry.event_id;
        steps.once([&](db::Transaction &transaction, ArchiveState &state) {
            state.rows->compare(transaction, rows, up_to);
            state.compared_up_to = up_to;
        });
    }
    skip(steps, std::numeric_limits<std::int64_t>::max());
    conclude(steps.state(), request.partial);
    return steps.state().result;
}

}  // namespace relay
