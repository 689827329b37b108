#pragma once

#include "cli/environment/render.hpp"
#include "relay/crypto/secret_buffer.hpp"
#include "relay/queues/agent_context.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Where `agent env` puts a text that may hold secrets. It makes no key, so nothing becomes live with it: a text that does not
/// arrive is simply made again.
namespace relay::cli {

class Context;
class OptionSet;

struct EnvironmentPlace {
    std::optional<std::string> secret_file{};
    bool replace = false;
    std::optional<std::int64_t> secret_fd{};  ///< fits an int
    bool secret_stdout = false;
    std::optional<std::string> deliver{};  ///< a command
    std::optional<std::chrono::seconds> deliver_timeout{};

    /// Returns whether any place is named.
    bool asked() const { return secret_file || secret_fd || secret_stdout || deliver; }
};

/// Adds --secret-file, --replace, --secret-fd, --secret-stdout, --deliver and --deliver-timeout.
void declare_place(OptionSet &set, EnvironmentPlace &place);

/// Checks all that can be checked without a database, and changes nothing. Throws Error: usage for several places, or flags
/// that do not fit together; sink if the place cannot take the text.
void check_place(EnvironmentPlace const &place);

/// Puts the text there, durably. `secret`: the variables whose values the command of --deliver must not show. Returns where it went, for people: "file:bot.env", "stdout". Throws Error (sink) if it did not
/// arrive; a file is then as it was.
std::string put_into_place(Context &context, EnvironmentPlace const &place, AgentContext const &agent,
                           std::vector<Variable> const &secret, SecretBuffer text);

}  // namespace relay::cli
