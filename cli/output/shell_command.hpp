#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace relay::cli {

/// A command given by the user: `sh -c TEXT`. What we pass to the command never becomes part of TEXT.
struct ShellCommand {
    std::string text;
    std::vector<std::string> variables{};  ///< NAME=VALUE; they replace our own variables of these names
    int input = -1;
    int output = -1;
    int errors = -1;
};

/// Starts the command as the leader of a new process group, so that it can be ended with all processes that it starts
/// (`kill(-process, ...)`). Signals are set as a new shell expects them. `known` is called with the process id before
/// the command does anything; if this program dies earlier, the command never runs. Returns 0, or the errno of the
/// failure.
int start_shell(ShellCommand const &command, pid_t &process, std::function<void(pid_t)> const &known = {});

/// Describes a failure in a wait status: "it ended with exit code 3", "it was ended by signal 9"; none for exit code 0.
std::optional<std::string> complaint_of(int wait_status);

}  // namespace relay::cli
