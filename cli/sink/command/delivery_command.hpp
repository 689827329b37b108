#pragma once

#include "relay/crypto/secret_buffer.hpp"
#include "relay/model/ids.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace relay::cli {

/// One secret that a command must deliver.
struct DeliveryCall {
    AgentId agent_id;
    std::vector<std::string> variables{};  ///< NAME=VALUE, none of them secret
    SecretBuffer content;
    std::vector<std::string_view> words{};  ///< secret texts that no line of its output may show, however short
};

/// The command of --deliver.
struct DeliveryCommand {
    std::string text{};
    std::chrono::seconds limit{60};  ///< as the user gave it, for messages
    /// By then the command and all that it started are killed, even if this program is stopped; a second before, they are
    /// asked to end.
    std::chrono::steady_clock::time_point deadline{};
    /// Called for each line that a command prints, with secrets removed.
    std::function<void(AgentId const &agent_id, std::string const &line)> said{};
};

/// Runs the command once for each call, all at the same time: at most DeathWatch::most_groups. Each gets its secret on
/// stdin, which is complete before it starts, and then ends; its stdout and stderr are reported line by line. A command
/// that takes too long is ended. What it started in the background ends with it. If this program dies for whatever reason,
/// the commands are killed.
///
/// Returns for each call why it counts as not delivered, for people; none if the command read all of its stdin and
/// ended with 0. If the deadline has passed already, no command is started. Throws Error (sink) if a command cannot be started, and Interrupted after a signal; then all commands
/// were ended.
std::vector<std::optional<std::string>> run_deliveries(DeliveryCommand const &command,
                                                       std::span<DeliveryCall const> calls);

}  // namespace relay::cli
