#include "relay/legacy/window.hpp"

#include "relay/identity/events_sql.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/legacy/status_sql.hpp"
#include "relay/legacy/windows_sql.hpp"
#include "relay/model/format_text.hpp"
#include "relay/model/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <span>

namespace relay {
namespace {

using std::chrono::seconds;

constexpr std::size_t most_named = 20;

Instant resolve(LegacyDeadline const &deadline, Instant now) {
    auto const *const length = std::get_if<seconds>(&deadline);
    Instant const at = length != nullptr ? now + *length : std::get<Instant>(deadline);
    if (at <= now) {
        throw Error(ErrorKind::usage,
                    fmt::format("the deadline {} is past: the database's clock says {}; nothing was changed",
                                format_instant_seconds(at), format_instant_seconds(now)));
    }
    if (at > now + longest_legacy_window) {
        throw Error(
            ErrorKind::usage,
            fmt::format("the deadline {} is more than 180 days ahead; nothing was changed", format_instant_seconds(at)),
            {.why = "the window is there to end the shared secret",
             .next = "choose an earlier deadline; you can extend it later"});
    }
    return at;
}

using Change = std::function<std::vector<sql::NewEvent>(db::Transaction &, ChangedWindow &)>;

/// Returns true if the window, as it was read back, is as requested.
using IsDone = std::function<bool(db::Transaction &, ChangedWindow const &)>;

/// Runs `work` on the current window, one session at a time. `work` returns the events to record; none means that it
/// changed nothing.
ChangedWindow change(db::Database &database, WriteOptions const &options, Change const &work, IsDone const &is_done) {
    ChangedWindow result;
    database.transact(writing(options), [&](db::Transaction &transaction) {
        result = {};
        sql::lock_legacy(transaction);
        result.window = sql::find_window(transaction);
        std::vector<sql::NewEvent> const events = work(transaction, result);
        result.window = sql::find_window(transaction);
        transaction.confirm(result.window && is_done(transaction, result), "the change of the window",
                            {"the window of the shared secret may still be as it was"});
        result.counts = sql::count_legacy(transaction, usual_legacy_quiet);
        finish(transaction, result, options.by, events);
    });
    return result;
}

Error no_window(std::string const &what) {
    return {ErrorKind::conflict,
            "no window is open; there is nothing to " + what,
            {.next = advise(Act::open_legacy_window)}};
}

bool is_moving(std::optional<LegacyWindow> const &window) { return window && window->is_moving(); }

void require_imported(db::Transaction &transaction, std::vector<AgentId> const &agents) {
    std::vector<AgentId> const missing = sql::not_imported(transaction, agents);
    if (!missing.empty()) {
        bool const all_named = missing.size() <= most_named;
        throw Error(
            ErrorKind::not_found,
            fmt::format("{} of {} agents were not imported: {}{}; nothing was changed", missing.size(), agents.size(),
                        fmt::join(std::span(missing).first(std::min(missing.size(), most_named)), ", "),
                        all_named ? "" : ", ..."),
            {.next = advise(Act::import_legacy_agents)});
    }
}

void require_expected(StartLegacy const &request, std::int64_t joined) {
    if (request.expect && *request.expect != joined) {
        throw Error(ErrorKind::conflict,
                    fmt::format("{} would join the list, not {}; nothing was changed", counted(joined, "agent"),
                                *request.expect),
                    {.next = advise(Act::try_without_change)});
    }
}

/// The first few of those that are left, by how they behave: "agent-1 (192.0.2.1), agent-2".
std::string describe(db::Transaction &transaction, seconds quiet, LegacyActivity activity, std::int64_t count) {
    std::string names;
    for (LegacyAgent const &agent : sql::stragglers(transaction, quiet, most_named)) {
        if (agent.activity == activity) {
            names += (names.empty() ? "" : ", ") + agent.agent_id.text();
            names += agent.last_seen_from ? " (" + *agent.last_seen_from + ")" : "";
        }
    }
    return names + (static_cast<std::size_t>(count) > most_named ? ", ..." : "");
}

/// Silence proves something only if a gateway listened, and for as long.
void require_listener(db::Transaction &transaction, LegacyWindow const &window, seconds quiet) {
    LegacyWatch const watch = sql::legacy_watch(transaction, window);
    Advice const next = advise(Act::show_legacy_status);
    if (!watch.asked) {
        throw Error(ErrorKind::conflict,
                    fmt::format("no gateway has asked this database since the window was opened at {}; nothing was "
                                "changed",
                                format_instant_seconds(window.opened_at)),
                    {.why = "an agent that was not seen here may use the shared secret at a gateway that does not ask",
                     .next = Advice("have the gateways ask this database first").also(next)});
    }
    if (Instant const from = watch.proves_from(window, quiet); from > transaction.now()) {
        throw Error(
            ErrorKind::conflict,
            fmt::format("silence for {} proves something from {} on; nothing was changed", describe_duration(quiet),
                        format_instant_seconds(from)),
            {.why = "the window, or the last wave of agents, is younger than that (--quiet-for)", .next = next});
    }
}

Advice finish_accepting(LegacyCounts const &counts, seconds quiet) {
    std::string const active = std::to_string(counts.on_shared_secret);
    std::string const never_seen = std::to_string(counts.never_seen);
    return quiet == usual_legacy_quiet ? advise(Act::finish_legacy_accepting, active, never_seen)
                                       : advise(Act::finish_legacy_after, active, never_seen, format_duration(quiet));
}

void require_count(std::int64_t count, std::int64_t allowed, std::string const &some, std::string const &none,
                   std::string const &names, Advice accept) {
    if (count == allowed) {
        return;
    }
    if (count == 0) {
        throw Error(ErrorKind::conflict, fmt::format("{}, not {}; nothing was changed", none, allowed),
                    {.next = std::move(accept)});
    }
    throw Error(ErrorKind::conflict,
                fmt::format("{} {}: {}; nothing was changed", counted(count, "agent"), some, names),
                {.why = "they would be locked out",
                 .next = advise(Act::show_legacy_status).also(std::move(accept)).noting("locks them out")});
}

void require_quiet(db::Transaction &transaction, LegacyWindow const &window, FinishLegacy const &request) {
    LegacyCounts const counts = sql::count_legacy(transaction, request.quiet);
    if (counts.left() > 0) {
        require_listener(transaction, window, request.quiet);
    }
    std::string const within = describe_duration(request.quiet);
    auto const named = [&](LegacyActivity activity, std::int64_t count) {
        return count > 0 ? describe(transaction, request.quiet, activity, count) : std::string();
    };
    Advice const accept = finish_accepting(counts, request.quiet);
    require_count(counts.on_shared_secret, request.allow_active, "used the shared secret in the last " + within,
                  "no listed agent used the shared secret in the last " + within,
                  named(LegacyActivity::on_shared_secret, counts.on_shared_secret), accept);
    require_count(counts.never_seen, request.allow_never_seen,
                  counts.never_seen == 1 ? "was never seen" : "were never seen", "every listed agent was seen",
                  named(LegacyActivity::never_seen, counts.never_seen), accept);
}

sql::NewEvent window_event(std::string action, LegacyWindow const &window, sql::Detail detail = {}) {
    detail.add("migration_id", window.migration_id);
    return {.action = std::move(action), .detail = std::move(detail)};
}

/// An emergency stop that was made since this transaction began is meant for this window, too.
void refuse_stopped(LegacyWindow const &window) {
    if (window.deny_all) {
        throw Error(ErrorKind::conflict, "an emergency stop came in between; nothing was changed",
                    {.why = "it closes every window that was begun before it",
                     .next = advise(Act::show_legacy_status).also(advise(Act::open_legacy_window))});
    }
}

/// Returns true if gateways are answered yes now, whatever this transaction knew of a stop before.
bool lets_in(db::Transaction &transaction) {
    if (sql::accepts_shared_secret(transaction)) {
        return true;
    }
    if (auto const window = sql::find_window(transaction)) {
        refuse_stopped(*window);
    }
    return false;
}

/// Returns the deadline that was asked for.
Instant open_new_window(db::Transaction &transaction, StartLegacy const &request, Note const &opened_by,
                        ChangedWindow &result) {
    if (result.window && !result.window->closed_at) {  // stopped while another session was changing it
        sql::close_window(transaction, result.window->migration_id, LegacyWindowState::aborted, opened_by);
    }
    if (!request.deadline) {
        throw Error(ErrorKind::usage, "a window needs its end; nothing was changed",
                    {.why = "without one the shared secret would stay", .next = advise(Act::give_legacy_deadline)});
    }
    Instant const deadline = resolve(*request.deadline, transaction.now());
    sql::open_window(transaction, deadline, opened_by);
    result.window = sql::find_window(transaction);
    refuse_stopped(*result.window);
    return deadline;
}

}  // namespace

ChangedWindow start_legacy(db::Database &database, StartLegacy const &request, WriteOptions const &options) {
    std::optional<Instant> opened_until;
    return change(
        database, options,
        [&](db::Transaction &transaction, ChangedWindow &result) {
            std::vector<sql::NewEvent> events;
            opened_until.reset();
            if (request.agents) {
                require_imported(transaction, *request.agents);
            }
            if (result.window && result.window->state == LegacyWindowState::expired && !result.window->closed_at) {
                throw Error(ErrorKind::conflict,
                            fmt::format("the window expired at {}; nothing was changed",
                                        format_instant_seconds(result.window->deadline)),
                            {.next = advise(Act::extend_legacy_window).also(advise(Act::finish_legacy_window))});
            }
            if (!is_moving(result.window)) {
                opened_until = open_new_window(transaction, request, options.by.actor, result);
                sql::Detail detail;
                detail.add("deadline", format_instant(*opened_until));
                events.push_back(window_event("migration_started", *result.window, detail));
            }
            sql::Wave const wave = sql::open_wave(transaction, result.window->migration_id, request.agents);
            require_expected(request, wave.agents);
            result.wave = wave.number;
            result.wave_agents = wave.agents;
            if (wave.agents > 0) {
                sql::Detail detail;
                detail.add("wave", wave.number).add("agents", wave.agents);
                events.push_back(window_event("migration_wave_opened", *result.window, detail));
            }
            return events;
        },
        [&](db::Transaction &transaction, ChangedWindow const &result) {
            std::int64_t const id = result.window->migration_id;
            return lets_in(transaction) && result.window->is_moving() &&
                   (!opened_until || result.window->deadline == *opened_until) &&
                   sql::have_joined(transaction, id, request.agents);
        });
}

ChangedWindow extend_legacy(db::Database &database, LegacyDeadline const &deadline, WriteOptions const &options) {
    Instant at;
    return change(
        database, options,
        [&](db::Transaction &transaction, ChangedWindow &result) {
            if (!is_moving(result.window)) {
                throw no_window("extend");
            }
            at = resolve(deadline, transaction.now());
            result.deadline_before = result.window->deadline;
            if (at == result.window->deadline) {
                return std::vector<sql::NewEvent>();
            }
            sql::set_deadline(transaction, result.window->migration_id, at);
            sql::Detail detail;
            detail.add("deadline", format_instant(at)).add("deadline_before", format_instant(result.window->deadline));
            return std::vector{window_event("migration_extended", *result.window, detail)};
        },
        [&](db::Transaction &transaction, ChangedWindow const &result) {
            return lets_in(transaction) && result.window->deadline == at && result.window->is_moving();
        });
}

ChangedWindow abort_legacy(db::Database &database, WriteOptions const &options) {
    return change(
        database, options,
        [&](db::Transaction &transaction, ChangedWindow &result) {
            if (!result.window || result.window->state == LegacyWindowState::finished) {
                throw no_window("abort");
            }
            if (!is_moving(result.window)) {
                return std::vector<sql::NewEvent>();
            }
            sql::close_window(transaction, result.window->migration_id, LegacyWindowState::aborted, options.by.actor);
            return std::vector{window_event("migration_aborted", *result.window)};
        },
        [&](db::Transaction &, ChangedWindow const &result) { return !is_moving(result.window); });
}

ChangedWindow finish_legacy(db::Database &database, FinishLegacy const &request, WriteOptions const &options) {
    return change(
        database, options,
        [&](db::Transaction &transaction, ChangedWindow &result) {
            if (result.window && result.window->state == LegacyWindowState::finished) {
                return std::vector<sql::NewEvent>();
            }
            if (!is_moving(result.window)) {
                throw no_window("finish");
            }
            require_quiet(transaction, *result.window, request);
            sql::close_window(transaction, result.window->migration_id, LegacyWindowState::finished, options.by.actor);
            LegacyCounts const counts = sql::count_legacy(transaction, request.quiet);
            sql::Detail detail;
            detail.add("proven", counts.proven).add("left", counts.left()).add("active", counts.on_shared_secret);
            detail.add("never_seen", counts.never_seen);
            return std::vector{window_event("migration_finished", *result.window, detail)};
        },
        [&](db::Transaction &transaction, ChangedWindow const &result) {
            return result.window->state == LegacyWindowState::finished && !sql::accepts_shared_secret(transaction);
        });
}

}  // namespace relay
