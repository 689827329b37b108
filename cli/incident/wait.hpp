#pragma once

#include "cli/output/document.hpp"
#include "relay/incident/incident.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace relay::cli {

class OptionSet;

class Context;

/// Whom to wait for after the commit.
struct Waits {
    std::optional<std::chrono::seconds> acknowledged{};  ///< every live gateway, so long
    bool durable = false;  ///< the standbys, as long as --timeout says
};

/// Adds --wait-ack and --durable.
void declare_waits(OptionSet &set, Waits &target);

/// What one of them found.
struct WaitReport {
    Record record{};  ///< for machines: the definitions gateway_acks and durability
    std::vector<std::string> lines{};  ///< "3/3 gateways in 0.41 s"
    bool complete = false;
};

/// None where it was not asked for.
struct WaitReports {
    std::optional<WaitReport> gateways{};
    std::optional<WaitReport> standbys{};
    bool interrupted = false;

    bool complete() const { return (!gateways || gateways->complete) && (!standbys || standbys->complete); }
};

/// Waits for the gateways and the standbys at the same time, to have what `receipt` did. What goes wrong here undoes nothing: it is told in
/// the lines, and is not complete.
WaitReports wait_for_others(Context &context, IncidentReceipt const &receipt, Waits const &waits);

}  // namespace relay::cli
