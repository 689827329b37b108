#include "relay/legacy/status.hpp"

#include "relay/identity/use_case.hpp"
#include "relay/legacy/status_sql.hpp"
#include "relay/legacy/windows_sql.hpp"

#include <algorithm>

namespace relay {
namespace {

using std::chrono::seconds;

/// Returns where the burn-down ends: when the window was finished, otherwise now.
Instant end_of_history(LegacyWindow const &window, Instant now) {
    Instant const end = window.state == LegacyWindowState::finished ? window.closed_at.value_or(now) : now;
    return std::max(end, window.opened_at);
}

}  // namespace

std::optional<Instant> LegacyStatus::estimated_end() const {
    return window && (window->is_moving() || window->lets_in()) ? pace.end(counts.left(), at) : std::nullopt;
}

std::optional<seconds> LegacyStatus::estimated_delay() const {
    std::optional<Instant> const end = estimated_end();
    return end ? std::optional(std::chrono::floor<seconds>(*end - window->deadline)) : std::nullopt;
}

LegacyStatus legacy_status(db::Database &database, LegacyQuestion const &question) {
    LegacyStatus result;
    db::TransactOptions transact = reading();
    transact.one_snapshot = true;  // so that the chart ends at the counts
    database.transact(transact, [&](db::Transaction &transaction) {
        result = {.quiet = question.quiet};
        result.at = transaction.now();
        result.db_role = transaction.db_role();
        result.window = sql::find_window(transaction);
        result.counts = sql::count_legacy(transaction, question.quiet);
        result.owners = sql::straggling_owners(transaction, question.quiet, question.most_owners);
        result.stragglers = sql::stragglers(transaction, question.quiet, question.most_stragglers);
        result.pace = sql::legacy_pace(transaction, result.window);
        if (result.window) {
            result.watch = sql::legacy_watch(transaction, *result.window);
            Instant const opened_at = result.window->opened_at;
            result.burn_down = sql::burn_down(
                transaction,
                burn_down_times(opened_at, end_of_history(*result.window, result.at), result.window->deadline));
        }
    });
    return result;
}

}  // namespace relay
