#pragma once

#include "cli/output/document.hpp"
#include "relay/provision/incident.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace relay::cli {

class Context;

/// What --wait-ack found; null in documents when it was not asked for.
struct AckReport {
    Record record{};  ///< live, acknowledged, missing, took_ms
    std::string line{};  ///< "3/3 gateways in 0.41 s"
    bool complete = false;
};

/// Adds --wait-ack.
void declare_wait_ack(CLI::App &app, std::optional<std::chrono::seconds> &target);

/// Waits until every live gateway has acknowledged what `receipt` did, at most `patience`. What goes wrong here undoes nothing: it is told in
/// the line, and is not complete.
AckReport wait_for_acknowledgement(Context &context, IncidentReceipt const &receipt, std::chrono::seconds patience);

}  // namespace relay::cli
