#include "relay/audit/verify.hpp"

#include "relay/audit/read_in_steps.hpp"
#include "relay/audit/row_comparison.hpp"
#include "relay/audit/seals_sql.hpp"

#include <algorithm>
#include <limits>

namespace relay {
namespace {

struct TableState : VerifyState {
    std::optional<RowComparison> rows{};
    std::int64_t read_up_to = std::numeric_limits<std::int64_t>::min();
};

/// Compares the next rows with their entries. Returns whether there may be more.
bool compare_page(db::Transaction &transaction, TableState &state) {
    std::int64_t const end = state.chain.last().up_to_event_id;
    if (state.read_up_to >= end) {
        return false;
    }
    std::int64_t up_to = state.read_up_to < 0 ? 0 : std::min(end, state.read_up_to + sql::numbers_per_step);
    auto const entries = sql::entries_between(transaction, state.read_up_to, up_to);
    if (entries.empty() && up_to < end) {
        up_to = sql::next_event_id(transaction, up_to, end).value_or(end + 1) - 1;
    }
    std::vector<ComparedRow> rows;
    std::transform(entries.begin(), entries.end(), std::back_inserter(rows),
                   [](SealEntry const &entry) { return ComparedRow{.entry = entry}; });
    state.rows->compare(transaction, rows, up_to);
    state.read_up_to = up_to;
    return true;
}

/// Retention explains as many missing rows as it has recorded, in its range of numbers.
void explain(TableState &state, MissingEntries const &gone, sql::DroppedMonth const &dropped) {
    std::int64_t const explained = std::min(gone.count, dropped.rows);
    std::int64_t const rest = gone.count - explained;
    state.result.dropped_rows += explained;
    state.result.dropped_months.push_back(dropped.name);
    auto const is_outside = [&](SealedEntry const &entry) {
        return entry.entry.event_id < dropped.first_event_id || entry.entry.event_id > dropped.last_event_id;
    };
    for (SealedEntry const &entry : {gone.first, gone.last}) {
        if (is_outside(entry)) {
            return state.rows->miss(
                entry, rest,
                event_text(entry.entry.event_id) + " is missing, and was before " + dropped.name + " was dropped");
        }
    }
    if (rest > 0) {
        state.rows->miss(gone.first, rest,
                         std::to_string(gone.count) + " sealed events of " + dropped.name + " are missing, from " +
                             event_text(gone.first.entry.event_id) + " on, but it had only " +
                             std::to_string(dropped.rows) + " when it was dropped");
    }
}

void conclude(db::Transaction &transaction, TableState &state) {
    auto const dropped = sql::dropped_months(transaction);
    for (auto const &[month, gone] : state.rows->missing()) {
        auto const found = std::find_if(dropped.begin(), dropped.end(),
                                        [&](sql::DroppedMonth const &one) { return one.month == month; });
        if (found != dropped.end()) {
            explain(state, gone, *found);
        } else {
            state.rows->miss(gone.first, gone.count, event_text(gone.first.entry.event_id) + " is missing");
        }
    }
    state.rows->report(state.result);
    sql::UnsealedRows const rest = sql::rows_after(transaction, state.chain.last().up_to_event_id);
    state.result.unsealed_rows += rest.count;
    state.result.unsealed_since = rest.since;
}

}  // namespace

AuditVerification verify_audit(db::Database &database, VerifyAudit const &request) {
    ReadInSteps<TableState> steps(database, TableState{{.chain = SealChain(request.head)}});
    steps.check_chain();
    steps.state().rows.emplace(steps.state().chain);
    steps.while_true(compare_page);
    steps.once(conclude);
    return steps.state().result;
}

}  // namespace relay
