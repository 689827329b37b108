#include "cli/incident/wait.hpp"

#include "cli/command_line/options.hpp"
#include "cli/context.hpp"
#include "cli/documents/error.hpp"
#include "cli/documents/fields.hpp"
#include "cli/incident/durable.hpp"
#include "cli/output/output.hpp"
#include "relay/feed/gateways.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace relay::cli {

namespace {

/// Returns the subjects that were blocked or revoked. An admin token is left out: it does not concern gateways.
std::vector<Subject> subjects_shut_out(IncidentReceipt const &receipt) {
    std::vector<Subject> subjects;
    for (IncidentItem const &item : receipt.items) {
        if (!item.error && !item.is_token) {
            subjects.push_back(item.subject);
        }
    }
    return subjects;
}

/// Sorts logins that are behind first. Ids are only claimed, so for a login with thousands of them a number is enough.
std::string by_role(std::vector<RoleWait> roles) {
    std::stable_sort(roles.begin(), roles.end(), [](RoleWait const &one, RoleWait const &other) {
        return one.live - one.acknowledged > other.live - other.acknowledged;
    });
    std::string text;
    for (RoleWait const &role : roles) {
        text += fmt::format("{}role {}: {}/{}", text.empty() ? "" : ", ", role.db_role, role.acknowledged, role.live);
    }
    return text;
}

std::vector<Record> role_records(std::vector<RoleWait> const &roles) {
    std::vector<Record> records;
    for (RoleWait const &role : roles) {
        records.push_back({machine_only("db_role", role.db_role), machine_only("live", role.live),
                           machine_only("acknowledged", role.acknowledged)});
    }
    return records;
}

std::string gateway_line(GatewayWait const &wait) {
    if (wait.failure()) {
        return "cannot read the acknowledgements of the gateways: " + what_failed(*wait.failure());
    }
    if (wait.live().empty()) {
        return "0 gateways: none has acknowledged anything in the last 60 s, so this proves nothing";
    }
    std::string line = fmt::format("{}/{} gateways in {:.2f} s", wait.live().size() - wait.missing().size(),
                                   wait.live().size(), static_cast<double>(wait.took().count()) / 1000);
    if (wait.roles().size() > 1 && !wait.missing().empty()) {
        line += " (" + by_role(wait.roles()) + ')';
    }
    constexpr std::size_t most_named = 5;
    for (std::size_t i = 0; i < std::min(wait.missing().size(), most_named); ++i) {
        line += (i == 0 ? "; not acknowledged by " : ", ") + wait.missing()[i];
    }
    return line + (wait.missing().size() > most_named ? ", ..." : "");
}

Record gateway_record(GatewayWait const &wait) {
    return {
        machine_only("live", static_cast<std::int64_t>(wait.live().size())),
        machine_only("acknowledged", static_cast<std::int64_t>(wait.live().size() - wait.missing().size())),
        machine_only("missing", wait.missing()),
        machine_only("roles", role_records(wait.roles())),
        machine_only("complete", wait.complete()),
        machine_only("took_ms", std::int64_t{wait.took().count()}),
        machine_only("error", wait.failure() ? Value(what_failed(*wait.failure())) : Value()),
    };
}

}  // namespace

void declare_waits(OptionSet &set, Waits &target) {
    add_duration(
        set,
        {.names = "--wait-ack", .description = "wait up to DURATION for every live gateway to acknowledge, e.g. 5s"},
        target.acknowledged);
    add_flag(set, {.names = "--durable", .description = "wait up to --timeout until the standbys have replayed it"},
             target.durable);
}

WaitReports wait_for_others(Context &context, IncidentReceipt const &receipt, Waits const &waits) {
    auto const since = std::chrono::steady_clock::now();
    std::vector<Subject> const subjects = subjects_shut_out(receipt);
    std::optional<GatewayWait> gateways;
    std::optional<StandbyWait> standbys;
    std::vector<Acknowledgement *> all;
    if (waits.acknowledged) {
        all.push_back(&gateways.emplace(context.database(), subjects, receipt.changed, *waits.acknowledged));
    }
    if (waits.durable) {
        all.push_back(&standbys.emplace(context.database(), subjects, context.globals().timeout));
    }
    WaitReports reports;
    reports.interrupted = !await_acknowledgements(all, since, [&] {
        context.output().note(fmt::format("committed: gateways refuse it from their next check; waiting for {}{}{}",
                                          gateways ? "the gateways" : "", gateways && standbys ? " and " : "",
                                          standbys ? "the standbys" : ""));
    });
    if (gateways) {
        reports.gateways = {
            .record = gateway_record(*gateways), .lines = {gateway_line(*gateways)}, .complete = gateways->complete()};
    }
    if (standbys) {
        reports.standbys = {
            .record = durable_record(*standbys), .lines = durable_lines(*standbys), .complete = standbys->complete()};
    }
    return reports;
}

}  // namespace relay::cli
