#include "relay/health/judges.hpp"

#include "relay/model/text.hpp"

#include <fmt/format.h>

namespace relay::doctor {
namespace {

using Switch = RelaySettings::Switch;

constexpr auto soon = std::chrono::hours(72);
constexpr auto first_days = std::chrono::hours(72);  ///< no agent needs to have moved yet: gateways and keys come first
constexpr auto variable = "ALLOW_LEGACY_GLOBAL_AGENT_SECRET";
constexpr auto end_state = "set ALLOW_LEGACY_GLOBAL_AGENT_SECRET=false in the relay, and restart it";

/// The state of the window, as the checks need it.
enum class Stage {
    never,  ///< no window was ever opened
    lets_in,
    expired,  ///< past its deadline, and not closed
    over,  ///< finished, stopped, or called off and past its deadline
};

Stage stage_of(LegacyStatus const &legacy) {
    if (!legacy.window) {
        return Stage::never;
    }
    if (legacy.window->lets_in()) {
        return Stage::lets_in;
    }
    return legacy.window->state == LegacyWindowState::expired && !legacy.window->closed_at ? Stage::expired
                                                                                           : Stage::over;
}

CheckResult judge_open_window(LegacyWindow const &window, LegacyStatus const &legacy) {
    auto const left = std::chrono::floor<std::chrono::seconds>(window.deadline - legacy.at);
    std::string const text = fmt::format("{}, closes in {}: {} may still use the shared secret",
                                         window.state == LegacyWindowState::aborted ? "called off" : "open",
                                         describe_duration(left), counted(legacy.counts.left(), "agent"));
    if (window.state == LegacyWindowState::aborted) {
        return {"legacy.window", CheckStatus::warn, text,
                advise(Act::open_legacy_window).also(advise(Act::deny_legacy))};
    }
    if (legacy.counts.left() == 0) {
        return {"legacy.window", CheckStatus::ok, text, advise(Act::finish_legacy_window)};
    }
    return {"legacy.window", left < soon ? CheckStatus::warn : CheckStatus::ok, text,
            advise(left < soon ? Act::extend_legacy_window : Act::show_legacy_status)};
}

CheckResult fallback(CheckStatus status, std::string const &message, Advice next = {}) {
    return {"legacy.fallback", status, message, std::move(next)};
}

CheckResult judge_fallback_on(LegacyStatus const &legacy) {
    std::string const said = std::string(variable) + " is on";
    switch (stage_of(legacy)) {
        case Stage::lets_in:
            return fallback(CheckStatus::ok,
                            said + ", as it must be until the window is finished; then set it to false");
        case Stage::expired:
            return fallback(CheckStatus::warn,
                            said + ", but the window has expired, so the database refuses the shared secret",
                            advise(Act::extend_legacy_window)
                                .also(advise(Act::finish_legacy_window))
                                .also(std::string("then ") + end_state));
        case Stage::never:
            return fallback(CheckStatus::warn,
                            said + ", but no window was ever opened, so the database refuses the shared secret",
                            advise(Act::open_legacy_window).also(end_state));
        case Stage::over: break;
    }
    return fallback(CheckStatus::error, said + ", but the window is over, so the database refuses the shared secret",
                    end_state);
}

CheckResult judge_fallback_off(LegacyStatus const &legacy) {
    std::string const said = std::string(variable) + " is off";
    if (stage_of(legacy) == Stage::lets_in && legacy.counts.left() > 0) {
        return fallback(CheckStatus::error,
                        fmt::format("{} while {} may still need the shared secret: they are locked out", said,
                                    counted(legacy.counts.left(), "agent")),
                        fmt::format("set {}=true in the relay until the window is finished", variable));
    }
    return fallback(CheckStatus::ok, said + ": the end state");
}

}  // namespace

CheckResult judge_window(LegacyStatus const &legacy) {
    switch (stage_of(legacy)) {
        case Stage::never:
            return {"legacy.window", CheckStatus::ok,
                    "no window was ever opened: the database refuses the shared secret", ""};
        case Stage::lets_in: return judge_open_window(*legacy.window, legacy);
        case Stage::expired:
            return {
                "legacy.window", CheckStatus::error,
                fmt::format("expired at {}, but not finished: the shared secret is refused, and {} still needed it",
                            format_instant_seconds(legacy.window->deadline), counted(legacy.counts.left(), "agent")),
                advise(Act::extend_legacy_window).also(advise(Act::finish_legacy_window))};
        case Stage::over: break;
    }
    std::string const state = legacy.window->state == LegacyWindowState::finished ? "finished"
                              : legacy.window->state == LegacyWindowState::denied ? "closed by the emergency stop"
                                                                                  : "called off, and past its deadline";
    return {"legacy.window", CheckStatus::ok, state + ": the database refuses the shared secret", ""};
}

CheckResult judge_pace(LegacyStatus const &legacy) {
    if (stage_of(legacy) != Stage::lets_in || legacy.counts.left() == 0) {
        return {"legacy.pace", CheckStatus::ok, "no agent is moving off the shared secret", ""};
    }
    std::optional<Instant> const end = legacy.estimated_end();
    if (!end && legacy.at - legacy.window->opened_at < first_days) {
        return {"legacy.pace", CheckStatus::ok,
                fmt::format(
                    "{} still to move, and the window was opened {} ago", counted(legacy.counts.left(), "agent"),
                    describe_duration(std::chrono::floor<std::chrono::seconds>(legacy.at - legacy.window->opened_at))),
                ""};
    }
    if (!end) {
        return {"legacy.pace", CheckStatus::warn,
                fmt::format("{} still to move, but none has moved in the last week",
                            counted(legacy.counts.left(), "agent")),
                advise(Act::show_legacy_status)};
    }
    bool const late = *end > legacy.window->deadline;
    return {"legacy.pace", late ? CheckStatus::warn : CheckStatus::ok,
            fmt::format("at the pace of the last week, the last of {} will have moved by {}{}",
                        counted(legacy.counts.left(), "agent"), format_instant_seconds(*end),
                        late ? ", after the window closes" : ""),
            late ? advise(Act::show_legacy_status) : Advice()};
}

CheckResult judge_refused(sql::RefusedAgents const &refused) {
    if (refused.left.count > 0) {
        return {"legacy.refused", CheckStatus::warn,
                fmt::format("in the last 24 hours the shared secret was used for {} with a key in use: {}; an old copy "
                            "still runs, or someone poses as the agent",
                            counted(refused.left.count, "agent"), refused.left.first),
                advise(Act::show_agent, refused.left.first.substr(0, refused.left.first.find(',')))};
    }
    if (refused.others.count > 0) {
        return {"legacy.refused", CheckStatus::warn,
                fmt::format("in the last 24 hours gateways refused {} with the shared secret: {}",
                            counted(refused.others.count, "agent"), refused.others.first),
                advise(Act::show_agent, refused.others.first.substr(0, refused.others.first.find(',')))};
    }
    return {"legacy.refused", CheckStatus::ok, "no imported agent was refused in the last 24 hours", ""};
}

CheckResult judge_env_file(RelaySettings const &relay) {
    if (relay.mode && (*relay.mode & 022U) != 0) {
        return {"legacy.env_file", CheckStatus::error,
                fmt::format("{} has mode {:04o}: others can change it", relay.name, *relay.mode),
                use_tool("chmod", "600", relay.name)};
    }
    if (relay.mode && (*relay.mode & 004U) != 0 && relay.settings > 0) {
        return {"legacy.env_file", CheckStatus::warn,
                fmt::format("{} has mode {:04o}: every user of the machine can read it", relay.name, *relay.mode),
                use_tool("chmod", "600", relay.name)};
    }
    if (relay.unread_lines > 0) {
        return {"legacy.env_file", CheckStatus::warn,
                fmt::format("{}: {} not NAME=VALUE, the first is line {}", relay.name,
                            relay.unread_lines == 1 ? "1 line is" : fmt::format("{} lines are", relay.unread_lines),
                            relay.first_unread_line),
                "write each line as NAME=VALUE, or put # in front of it"};
    }
    return {"legacy.env_file", CheckStatus::ok, fmt::format("{}: {}", relay.name, counted(relay.settings, "setting")),
            ""};
}

CheckResult judge_fallback(RelaySettings const &relay, LegacyStatus const &legacy) {
    switch (relay.fallback) {
        case Switch::on: return judge_fallback_on(legacy);
        case Switch::off: return judge_fallback_off(legacy);
        case Switch::unclear:
            return fallback(CheckStatus::error, std::string(variable) + " is neither true nor false",
                            stage_of(legacy) == Stage::lets_in ? fmt::format("set {}=true in the relay", variable)
                                                               : std::string(end_state));
        case Switch::absent: break;
    }
    std::string const said = std::string(variable) + " is not set, so the relay uses its default";
    return fallback(CheckStatus::warn, said,
                    stage_of(legacy) == Stage::lets_in
                        ? fmt::format("set {}=true in the relay until the window is finished", variable)
                        : std::string(end_state));
}

CheckResult judge_secret(RelaySettings const &relay, LegacyStatus const &legacy) {
    Stage const stage = stage_of(legacy);
    if (relay.has_secret && stage == Stage::over) {
        return {"legacy.secret", CheckStatus::warn, "AGENT_SECRET is still set, but no agent needs it any more",
                "remove AGENT_SECRET from " + relay.name + ", and restart the relay"};
    }
    std::string const needed = stage == Stage::over ? "" : ", until the window is finished";
    return {"legacy.secret", CheckStatus::ok,
            relay.has_secret ? "AGENT_SECRET is set" + needed : "AGENT_SECRET is not in " + relay.name, ""};
}

}  // namespace relay::doctor
