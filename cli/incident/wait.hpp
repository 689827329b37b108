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

/// What to wait for after the commit.
struct Waits {
    std::optional<std::chrono::seconds> acknowledged{};  ///< wait so long for every live gateway
    bool durable = false;  ///< wait for the standbys, up to --timeout
};

/// Adds --wait-ack and --durable.
void declare_waits(OptionSet &set, Waits &target);

/// The result of one wait.
struct WaitReport {
    Record record{};  ///< for machines: the definitions gateway_acks and durability
    std::vector<std::string> lines{};  ///< "3/3 gateways in 0.41 s"
    bool complete = false;
};

/// The results of the waits; none if a wait was not asked for.
struct WaitReports {
    std::optional<WaitReport> gateways{};
    std::optional<WaitReport> standbys{};
    bool interrupted = false;

    bool complete() const { return (!gateways || gateways->complete) && (!standbys || standbys->complete); }
};

/// Waits at the same time for gateways and standbys to confirm what `receipt` did. A failure here undoes nothing: it is
/// reported in the lines, and the result is not complete.
WaitReports wait_for_others(Context &context, IncidentReceipt const &receipt, Waits const &waits);

}  // namespace relay::cli
