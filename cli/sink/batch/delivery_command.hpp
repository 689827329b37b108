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

/// One secret that a command is to hand over.
struct DeliveryCall {
    AgentId agent_id;
    std::vector<std::string> variables{};  ///< NAME=VALUE, none of them secret
    SecretBuffer content;
};

/// The command of --deliver.
struct DeliveryCommand {
    std::string text{};
    std::chrono::seconds limit{30};
    /// A line that a command said, without a secret in it.
    std::function<void(AgentId const &agent_id, std::string const &line)> said{};
};

/// Runs the command once for each call, all at once: at most DeathWatch::most_groups. The secret is on its stdin, which then ends; its stdout and stderr are told
/// line by line. One that takes too long is ended, with all that it started. If this program dies, of whatever, so do they.
///
/// Returns for each call why it counts as not delivered, for people; nothing if the command read all of its stdin and ended with 0.
/// Throws Error (sink) if nothing could be started; Interrupted after a signal: then they were ended.
std::vector<std::optional<std::string>> run_deliveries(DeliveryCommand const &command,
                                                       std::span<DeliveryCall const> calls);

}  // namespace relay::cli
