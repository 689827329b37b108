#include "cli/legacy/status_document.hpp"

#include "cli/documents/fields.hpp"
#include "cli/legacy/next_steps.hpp"
#include "cli/legacy/window_document.hpp"
#include "cli/output/command_text.hpp"
#include "cli/output/relative_time.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace relay::cli {

namespace {

using std::chrono::seconds;

Record straggler_record(LegacyAgent const &agent) {
    return {
        {"agent_id", "Agent ID", agent.agent_id},
        {"owner", "Owner", agent.owner, {.cut = true}},
        {"org_id", "Org ID", agent.org_id, {.leaves = 3}},
        {"state", "State", agent.state},
        machine_only("activity", agent.activity),
        {"wave", "Wave", agent.wave, {.leaves = 5}},
        {"issued_key", "Issued key", agent.issued_key, {.leaves = 2}},
        machine_only("issued_at", agent.issued_at),
        {"last_seen_at", "Last seen", agent.last_seen_at},
        {"last_seen_from", "From", agent.last_seen_from, {.leaves = 1}},
    };
}

std::vector<Record> straggler_records(std::vector<LegacyAgent> const &agents) {
    std::vector<Record> records;
    std::transform(agents.begin(), agents.end(), std::back_inserter(records), straggler_record);
    return records;
}

Field straggler_table(LegacyStatus const &status, LegacyActivity activity, std::string const &label) {
    std::vector<LegacyAgent> const agents = of_activity(status, activity);
    return people_only(agents.empty() ? "" : label, straggler_records(agents));
}

/// Returns "30 hours": in the largest unit of which there are at least two, or exactly one.
std::string distance(Instant from, Instant to) {
    constexpr std::string_view ago = " ago";
    std::string const words = relative_time(from, to);
    return words.ends_with(ago) ? words.substr(0, words.size() - ago.size()) : "second";
}

std::string owner_name(LegacyOwner const &owner) {
    return owner.owner ? *owner.owner : "org " + text_or_empty(owner.org_id) + " (no owner)";
}

std::vector<Record> owner_records(std::vector<LegacyOwner> const &owners) {
    std::vector<Record> records;
    for (LegacyOwner const &owner : owners) {
        records.push_back({
            machine_only("owner", owner.owner),
            machine_only("org_id", owner.org_id),
            {"", "Owner", owner_name(owner), {.cut = true}},
            {"left", "Left", owner.left},
            {"listed", "No key yet", owner.listed, {.leaves = 1}},
            {"on_shared_secret", "On the secret", owner.on_shared_secret},
            {"silent", "Silent", owner.silent, {.leaves = 3}},
            {"never_seen", "Never seen", owner.never_seen, {.leaves = 2}},
            {"last_seen_at", "Last seen", owner.last_seen_at, {.leaves = 4}},
        });
    }
    return records;
}

std::vector<Record> burn_down_records(BurnDown const &burn_down) {
    std::vector<Record> records;
    for (BurnDownPoint const &point : burn_down) {
        records.push_back({{"at", "", point.at}, {"total", "", point.total}, {"left", "", point.left}});
    }
    return records;
}

std::vector<Record> step_records(std::vector<NextStep> const &steps, Globals const &globals) {
    std::vector<Record> records;
    for (NextStep const &step : steps) {
        records.push_back(
            {{"what", "", step.what},
             {"command", "", step.command.empty() ? Value() : Value(command_line(globals, step.command))}});
    }
    return records;
}

}  // namespace

std::vector<LegacyAgent> of_activity(LegacyStatus const &status, LegacyActivity activity) {
    std::vector<LegacyAgent> agents;
    std::copy_if(status.stragglers.begin(), status.stragglers.end(), std::back_inserter(agents),
                 [&](LegacyAgent const &agent) { return agent.activity == activity; });
    return agents;
}

std::string describe_pace(LegacyStatus const &status) {
    return fmt::format("{} left the list in the last {}", status.pace.proven, distance(status.pace.since, status.at));
}

std::string describe_estimate(LegacyStatus const &status) {
    std::optional<Instant> const end = status.estimated_end();
    if (!end) {
        return status.counts.left() == 0 ? "no agents are left" : "unknown (no agent left the list lately)";
    }
    std::string const delay = status.is_late() ? distance(status.window->deadline, *end) + " after"
                                               : distance(*end, status.window->deadline) + " before";
    return fmt::format("{} ({}), {} the deadline", format_instant_seconds(*end), relative_time(*end, status.at), delay);
}

Record legacy_status_record(LegacyStatus const &status, Globals const &globals) {
    LegacyCounts const &counts = status.counts;
    bool const open = status.window && status.window->lets_in();
    bool const moving = status.window && status.window->is_moving();
    std::string const within = "in the last " + describe_duration(status.quiet);
    Record record = window_record(status.window, status.at);
    record.push_back(machine_only(
        "left_seconds",
        open ? Value(std::int64_t{std::chrono::floor<seconds>(status.window->deadline - status.at).count()})
             : Value()));
    append(record, counts_record(counts));
    append(record,
           {
               people_only("On the secret", std::to_string(counts.on_shared_secret) + " used it " + within),
               people_only("Silent", std::to_string(counts.silent) + " used it, but not " + within),
               people_only("Never seen", counts.never_seen),
               machine_only("quiet_seconds", std::int64_t{status.quiet.count()}),
               machine_only("pace", Record{{"since", "", status.pace.since}, {"proven", "", status.pace.proven}}),
               machine_only("estimated_end_at", status.estimated_end()),
               machine_only("late", status.estimated_end() ? Value(status.is_late()) : Value()),
               people_only(moving ? "Pace" : "", describe_pace(status)),
               people_only(moving ? "Done by" : "", describe_estimate(status)),
               machine_only("burn_down", burn_down_records(status.burn_down)),
               {"owners", status.owners.empty() ? "" : "Whom to call", owner_records(status.owners)},
               machine_only("stragglers", straggler_records(status.stragglers)),
               straggler_table(status, LegacyActivity::on_shared_secret, "On the shared secret"),
               straggler_table(status, LegacyActivity::silent, "Silent"),
               straggler_table(status, LegacyActivity::never_seen, "Never seen"),
               machine_only("next_steps", step_records(next_steps(status), globals)),
           });
    return record;
}

std::optional<Chart> burn_down_chart(LegacyStatus const &status) {
    std::optional<BurnDownPoint> const from = last_addition(status.burn_down);
    if (!from) {
        return std::nullopt;
    }
    BurnDownPoint const &now = status.burn_down.back();
    Chart chart{.title = fmt::format("Agents left: {} of {}.", now.left, now.total),
                .begin = status.burn_down.front().at,
                .end = std::max(now.at, status.window->deadline),
                .line_from = {from->at, from->left},
                .line_to = status.window->deadline,
                .line_label = fmt::format("even pace, {} today", even_pace(*from, status.window->deadline, now.at)),
                .mark_label = "deadline"};
    for (BurnDownPoint const &point : status.burn_down) {
        chart.points.push_back({point.at, point.left});
    }
    return chart;
}

}  // namespace relay::cli
