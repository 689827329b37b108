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

/// Runs `work` on the current window, one session at a time. `work` returns the events to record; none means that it
/// changed nothing.
ChangedWindow change(db::Database &database, WriteOptions const &options, Change const &work) {
    ChangedWindow result;
    database.transact(writing(options), [&](db::Transaction &transaction) {
        result = {};
        sql::lock_legacy(transaction);
        result.window = sql::find_window(transaction);
        std::vector<sql::NewEvent> const events = work(transaction, result);
        result.window = sql::find_window(transaction);
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

std::string describe_used(db::Transaction &transaction, seconds quiet, std::int64_t count) {
    std::string names;
    for (LegacyAgent const &agent : sql::stragglers(transaction, quiet, most_named)) {
        if (agent.activity != LegacyActivity::on_shared_secret) {
            break;  // those on the shared secret come first
        }
        names += (names.empty() ? "" : ", ") + agent.agent_id.text();
        names += agent.last_seen_from ? " (" + *agent.last_seen_from + ")" : "";
    }
    return names + (static_cast<std::size_t>(count) > most_named ? ", ..." : "");
}

void require_quiet(db::Transaction &transaction, FinishLegacy const &request) {
    std::int64_t const active = sql::count_legacy(transaction, request.quiet).on_shared_secret;
    if (active == request.allow_active) {
        return;
    }
    std::string const within = describe_duration(request.quiet);
    if (active == 0) {
        throw Error(ErrorKind::conflict,
                    fmt::format("no listed agent used the shared secret in the last {}, not the {} that you allowed; "
                                "nothing was changed",
                                within, request.allow_active),
                    {.next = advise(Act::finish_legacy_without_active)});
    }
    throw Error(ErrorKind::conflict,
                fmt::format("{} used the shared secret in the last {}: {}; nothing was changed",
                            counted(active, "agent"), within, describe_used(transaction, request.quiet, active)),
                {.why = "they would be locked out",
                 .next = advise(Act::show_legacy_status)
                             .also(advise(Act::finish_legacy_with_active, std::to_string(active)))
                             .noting("locks them out")});
}

sql::NewEvent window_event(std::string action, LegacyWindow const &window, sql::Detail detail = {}) {
    detail.add("migration_id", window.migration_id);
    return {.action = std::move(action), .detail = std::move(detail)};
}

}  // namespace

ChangedWindow start_legacy(db::Database &database, StartLegacy const &request, WriteOptions const &options) {
    return change(database, options, [&](db::Transaction &transaction, ChangedWindow &result) {
        std::vector<sql::NewEvent> events;
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
            if (result.window && !result.window->closed_at) {  // stopped while another session was changing it
                sql::close_window(transaction, result.window->migration_id, LegacyWindowState::aborted,
                                  options.by.actor);
            }
            if (!request.deadline) {
                throw Error(
                    ErrorKind::usage, "--deadline is required to open a window; nothing was changed",
                    {.why = "without it, the shared secret would stay", .next = advise(Act::give_legacy_deadline)});
            }
            Instant const deadline = resolve(*request.deadline, transaction.now());
            sql::open_window(transaction, deadline, options.by.actor);
            result.window = sql::find_window(transaction);
            sql::Detail detail;
            detail.add("deadline", format_instant(deadline));
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
    });
}

ChangedWindow extend_legacy(db::Database &database, LegacyDeadline const &deadline, WriteOptions const &options) {
    return change(database, options, [&](db::Transaction &transaction, ChangedWindow &result) {
        if (!is_moving(result.window)) {
            throw no_window("extend");
        }
        Instant const at = resolve(deadline, transaction.now());
        result.deadline_before = result.window->deadline;
        if (at == result.window->deadline) {
            return std::vector<sql::NewEvent>();
        }
        sql::set_deadline(transaction, result.window->migration_id, at);
        sql::Detail detail;
        detail.add("deadline", format_instant(at)).add("deadline_before", format_instant(result.window->deadline));
        return std::vector{window_event("migration_extended", *result.window, detail)};
    });
}

ChangedWindow abort_legacy(db::Database &database, WriteOptions const &options) {
    return change(database, options, [&](db::Transaction &transaction, ChangedWindow &result) {
        if (!result.window || result.window->state == LegacyWindowState::finished) {
            throw no_window("abort");
        }
        if (!is_moving(result.window)) {
            return std::vector<sql::NewEvent>();
        }
        sql::close_window(transaction, result.window->migration_id, LegacyWindowState::aborted, options.by.actor);
        return std::vector{window_event("migration_aborted", *result.window)};
    });
}

ChangedWindow finish_legacy(db::Database &database, FinishLegacy const &request, WriteOptions const &options) {
    return change(database, options, [&](db::Transaction &transaction, ChangedWindow &result) {
        if (result.window && result.window->state == LegacyWindowState::finished) {
            return std::vector<sql::NewEvent>();
        }
        if (!is_moving(result.window)) {
            throw no_window("finish");
        }
        require_quiet(transaction, request);
        sql::close_window(transaction, result.window->migration_id, LegacyWindowState::finished, options.by.actor);
        LegacyCounts const counts = sql::count_legacy(transaction, request.quiet);
        sql::Detail detail;
        detail.add("proven", counts.proven).add("left", counts.left()).add("active", counts.on_shared_secret);
        return std::vector{window_event("migration_finished", *result.window, detail)};
    });
}

}  // namespace relay
