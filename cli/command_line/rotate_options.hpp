#pragma once

#include "cli/command_line/agent_flags.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/sink/options.hpp"
#include "relay/model/time.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace relay::cli {

/// The flags of rotate-key, as text or already checked one by one.
struct RotateOptions {
    SpelledId agent{};
    std::optional<std::chrono::seconds> grace{};
    std::optional<std::chrono::seconds> if_older_than{};
    std::optional<std::chrono::seconds> due_within{};
    bool retire_on_first_use = false;
    std::optional<std::string> request_id{};
    std::optional<std::string> key_from{};
    std::optional<std::string> public_key{};
    bool force = false;
    bool revert = false;
    std::optional<Instant> expires_at{};
    bool if_missing = false;
    std::optional<std::chrono::seconds> wait_used{};
    BatchSinkOptions sink{};

    /// For many agents.
    std::optional<std::string> org{};
    bool all = false;
    WhichFlags which{};
    std::optional<std::int64_t> batch{};
    std::optional<std::int64_t> limit{};
    std::optional<std::int64_t> expect{};
    std::optional<std::string> on_error{};
    bool restart = false;

    /// Returns whether the command may find that no new key is needed.
    bool may_find_nothing_to_do() const {
        return if_older_than || due_within || if_missing || request_id || key_from || wait_used;
    }
    bool is_for_fleet() const { return org || all; }
};

void declare_rotation(OptionSet &set, RotateOptions &options);

/// Returns the flags of a repeat, without those of the sink.
std::vector<std::string> repeated_flags(RotateOptions const &options);

/// Throws Error (usage) for flags that cannot be used together, with or without --revert.
void check_rotation(RotateOptions const &options);

}  // namespace relay::cli
