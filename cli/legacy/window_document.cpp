#include "cli/legacy/window_document.hpp"

#include "cli/documents/fields.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/output/command_text.hpp"
#include "cli/output/output.hpp"
#include "cli/output/relative_time.hpp"
#include "relay/model/error.hpp"

namespace relay::cli {

namespace {

/// Returns "9 days left", "1 hour left".
std::string time_left(Instant deadline, Instant now) {
    constexpr std::string_view in = "in ";
    std::string const words = relative_time(deadline, now);
    return words.starts_with(in) ? words.substr(in.size()) + " left" : "no time left";
}

/// Returns "1234 (61 %)", rounded down, so that 100 % means all.
std::string share(std::int64_t count, std::int64_t total) {
    return std::to_string(count) + (total > 0 ? " (" + std::to_string(count * 100 / total) + " %)" : "");
}

Value count_of(std::int64_t count) { return count; }

}  // namespace

LegacyDeadline parse_deadline(std::string const &text) {
    try {
        // A time contains a `-`, a duration never does.
        if (text.find('-') != text.npos && text.front() != '-') {
            return parse_instant(text);
        }
        return parse_duration(text);
    } catch (Error const &error) {
        throw Error(error.kind(), "--deadline: " + error.message(),
                    {.why = error.hint().why, .next = "use e.g. --deadline 14d or --deadline 2026-12-06T08:00:00Z"});
    }
}

Phrase describe_window(std::optional<LegacyWindow> const &window, Instant now) {
    if (!window) {
        return {"no window was opened yet: the shared secret is closed"};
    }
    std::string const deadline = format_instant_seconds(window->deadline);
    switch (window->state) {
        case LegacyWindowState::open: return {"open until " + deadline + ": " + time_left(window->deadline, now)};
        case LegacyWindowState::aborted:
            return {"aborted; listed agents may use the shared secret until " + deadline + ": " +
                    time_left(window->deadline, now)};
        case LegacyWindowState::expired:
            return {"expired " + relative_time(window->deadline, now) + ", at " + deadline +
                    ": the shared secret is closed"};
        case LegacyWindowState::denied: return {"emergency stop: the shared secret is closed"};
        case LegacyWindowState::finished: break;
    }
    return {"finished at ", window->closed_at.value_or(window->deadline), ": the shared secret is closed"};
}

Record window_record(std::optional<LegacyWindow> const &window, Instant now) {
    LegacyWindow const none;
    LegacyWindow const &known = window ? *window : none;
    auto const if_any = [&](auto const &value) { return window ? Value(value) : Value(); };
    return {
        machine_only("state", window ? Value(known.state) : Value("none")),
        people_only("Window", describe_window(window, now)),
        {"opened_at", window ? "Opened" : "", if_any(known.opened_at)},
        {"opened_by", window ? "Opened by" : "", if_any(known.opened_by)},
        machine_only("deadline", if_any(known.deadline)),
        machine_only("deny_all", known.deny_all),
        machine_only("closed_at", known.closed_at),
        {"closed_by", known.closed_by ? "Closed by" : "", known.closed_by},
    };
}

Record counts_record(LegacyCounts const &counts) {
    return {
        machine_only("counts", Record{{"total", "", counts.total()},
                                      {"imported", "", counts.imported},
                                      {"listed", "", counts.listed},
                                      {"issued", "", counts.issued},
                                      {"proven", "", counts.proven},
                                      {"revoked", "", counts.revoked},
                                      {"on_shared_secret", "", counts.on_shared_secret},
                                      {"silent", "", counts.silent},
                                      {"never_seen", "", counts.never_seen}}),
        people_only("Imported", count_of(counts.total())),
        people_only("Not listed", count_of(counts.imported)),
        people_only("No key yet", count_of(counts.listed)),
        people_only("Issued, not used", count_of(counts.issued)),
        people_only("On their own key", share(counts.proven, counts.total())),
        people_only(counts.revoked > 0 ? "Revoked" : "", count_of(counts.revoked)),
    };
}

void show_window(Context &context, ChangedWindow const &changed) {
    Document document{.kind = "LegacyWindow", .id_key = "state"};
    document.data = window_record(changed.window, changed.at);
    bool const finished = changed.window && changed.window->state == LegacyWindowState::finished;
    append(document.data, {machine_only("deadline_before", changed.deadline_before),
                           machine_only("wave", changed.wave_agents > 0 ? Value(changed.wave) : Value()),
                           {"wave_agents", changed.wave_agents > 0 ? "Joined the list" : "", changed.wave_agents},
                           {"relay_setting", finished ? "Set in the relay" : "",
                            finished ? Value(std::string(legacy_end_setting)) : Value()}});
    append(document.data, counts_record(changed.counts));
    stamp(document, context, changed);
    context.output().show(document);
    if (!changed.changed) {
        context.output().note("nothing changed: the window is already as requested");
    }
    if (finished && !context.globals().dry_run) {
        context.output().note("next: set " + std::string(legacy_end_setting) +
                              " in the relay and restart it; the database refuses the shared secret from now on, "
                              "whatever the relay's setting");
        context.output().note("way back, for agents that are left: " +
                              command_line(context.globals(), {"migrate-legacy", "start", "--deadline", "7d"}));
    }
}

}  // namespace relay::cli
