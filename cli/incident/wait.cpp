#include "cli/incident/wait.hpp"

#include "cli/command_line/options.hpp"
#include "cli/context.hpp"
#include "cli/documents/fields.hpp"
#include "relay/provision/gateways.hpp"

#include <fmt/format.h>

namespace relay::cli {

namespace {

/// The ids of the one kind that the command was about; an admin token concerns no gateway.
std::vector<std::string> shut_out_ids(IncidentReceipt const &receipt, std::string &kind) {
    std::vector<std::string> ids;
    for (IncidentItem const &item : receipt.items) {
        if (!item.error && item.subject_kind != "token") {
            kind = item.subject_kind;
            ids.push_back(item.subject_id);
        }
    }
    return ids;
}

std::string line_of(GatewayWait const &wait) {
    if (wait.live.empty()) {
        return "0 gateways: none has acknowledged anything within the last 60 s, so nothing is proven";
    }
    std::string line = fmt::format("{}/{} gateways in {:.2f} s", wait.live.size() - wait.missing.size(),
                                   wait.live.size(), static_cast<double>(wait.took.count()) / 1000);
    constexpr std::size_t most_named = 5;
    for (std::size_t i = 0; i < std::min(wait.missing.size(), most_named); ++i) {
        line += (i == 0 ? "; not acknowledged by " : ", ") + wait.missing[i];
    }
    return line + (wait.missing.size() > most_named ? ", ..." : "");
}

}  // namespace

void declare_wait_ack(CLI::App &app, std::optional<std::chrono::seconds> &target) {
    add_duration(app,
                 {.names = "--wait-ack", .description = "wait so long for every live gateway to acknowledge it: 5s"},
                 target);
}

AckReport wait_for_acknowledgement(Context &context, IncidentReceipt const &receipt, std::chrono::seconds patience) {
    GatewayWait wait;
    AckReport report;
    try {
        std::string kind;
        std::vector<std::string> const ids = shut_out_ids(receipt, kind);
        wait = wait_for_gateways(context.database(), kind, ids, std::chrono::steady_clock::now(), patience);
        report.line = line_of(wait);
        report.complete = wait.complete();
    } catch (Error const &error) {
        report.line = "the gateways' acknowledgements could not be read: " + error.message();
    }
    report.record = {
        machine_only("live", static_cast<std::int64_t>(wait.live.size())),
        machine_only("acknowledged", static_cast<std::int64_t>(wait.live.size() - wait.missing.size())),
        machine_only("missing", wait.missing),
        machine_only("complete", report.complete),
        machine_only("took_ms", static_cast<std::int64_t>(wait.took.count())),
    };
    return report;
}

}  // namespace relay::cli
