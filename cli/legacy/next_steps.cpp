#include "cli/legacy/next_steps.hpp"

#include "cli/legacy/window_document.hpp"
#include "relay/legacy/window.hpp"
#include "relay/model/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace relay::cli {

namespace {

using std::chrono::days;
using std::chrono::seconds;

constexpr std::size_t most_called = 3;

/// Returns "1 agent is", "2 agents are".
std::string agents(std::int64_t count, std::string_view of_one, std::string_view of_many) {
    return fmt::format("{} {}", counted(count, "agent"), count == 1 ? of_one : of_many);
}

/// Returns a deadline that leaves time for the estimate and a tenth more, but not beyond the longest allowed window; a
/// week if there is no estimate.
std::string better_deadline(LegacyStatus const &status) {
    std::optional<Instant> const end = status.estimated_end();
    seconds const ahead = end ? std::chrono::ceil<days>((*end - status.at) * 11 / 10) : days(7);
    return format_duration(std::clamp<seconds>(ahead, days(1), longest_legacy_window));
}

NextStep extend_step(LegacyStatus const &status, std::string what) {
    return {std::move(what),
            {"migrate-legacy", "extend", "--deadline", better_deadline(status), "--reason", "more time to move"}};
}

/// Every agent that is left has a key, but some still use the shared secret: the people who run them must act.
NextStep call_step(LegacyStatus const &status) {
    std::string names;
    for (std::size_t i = 0; i < std::min(status.owners.size(), most_called); ++i) {
        LegacyOwner const &owner = status.owners[i];
        if (owner.on_shared_secret > 0) {
            names += names.empty() ? "" : ", ";
            names += owner.owner ? *owner.owner : "org " + text_or_empty(owner.org_id);
            names += fmt::format(" ({})", owner.on_shared_secret);
        }
    }
    return {agents(status.counts.on_shared_secret, "still uses", "still use") + " the shared secret: call " + names};
}

NextStep finish_step(LegacyCounts const &counts) {
    NextStep step{"no agents are left", {"migrate-legacy", "finish"}};
    if (counts.left() > 0) {
        step.what = "no agent uses the shared secret: " + agents(counts.silent, "is", "are") + " silent, " +
                    agents(counts.never_seen, "was", "were") + " never seen";
    }
    if (counts.never_seen > 0) {
        step.command.insert(step.command.end(), {"--allow-never-seen", std::to_string(counts.never_seen)});
    }
    return step;
}

NextStep wait_step(LegacyStatus const &status) {
    return {"no agent uses the shared secret: wait until " +
            format_instant_seconds(status.watch.proves_from(*status.window, status.quiet)) +
            ", because silence proves something only after " + describe_duration(status.quiet)};
}

std::vector<NextStep> steps_of_moving(LegacyStatus const &status) {
    LegacyCounts const &counts = status.counts;
    bool const expired = status.window->state == LegacyWindowState::expired;
    std::vector<NextStep> steps;
    if (expired && counts.left() > 0) {
        steps.push_back(extend_step(status, "the window has expired: " + agents(counts.left(), "is", "are") +
                                                " locked out until it is extended"));
    }
    if (counts.left() > 0 && !expired && !status.watch.asked) {
        steps.push_back(
            {"no gateway has asked this database since the window was opened: have them ask it, day 3 of "
             "relay-admin-migration(7)"});
    }
    if (counts.listed > 0) {
        steps.push_back({agents(counts.listed, "has", "have") + " no key yet",
                         {"migrate-legacy", "issue", "--all", "--secrets-dir", "issued-keys"}});
    }
    if (counts.imported > 0 && !expired) {
        steps.push_back({agents(counts.imported, "is", "are") + " not listed yet: start the next wave",
                         {"migrate-legacy", "start"}});
    }
    if (status.is_late() && !expired) {
        steps.push_back(extend_step(status, "at the current pace, not all agents will be done by the deadline"));
    }
    if (counts.listed == 0 && counts.on_shared_secret > 0) {
        steps.push_back(call_step(status));
    }
    bool const waits_for_gateways = counts.left() > 0 && !status.watch.asked;
    if (counts.listed + counts.imported + counts.on_shared_secret == 0 && !waits_for_gateways) {
        steps.push_back(status.proves_silence() ? finish_step(counts) : wait_step(status));
    }
    return steps;
}

}  // namespace

std::vector<NextStep> next_steps(LegacyStatus const &status) {
    LegacyCounts const &counts = status.counts;
    if (status.window && status.window->is_moving()) {
        return steps_of_moving(status);
    }
    if (status.window && status.window->state == LegacyWindowState::finished) {
        return {{fmt::format("set {} in the relay, if you have not yet", legacy_end_setting)}};
    }
    if (counts.total() == 0) {
        return {{"no agents imported yet: use migrate-legacy import FILE"}};
    }
    if (counts.left() + counts.imported == 0) {
        return {};
    }
    return {{status.window ? "the migration was stopped; you can start it again" : "no window is open yet",
             {"migrate-legacy", "start", "--deadline", "14d"}}};
}

}  // namespace relay::cli
