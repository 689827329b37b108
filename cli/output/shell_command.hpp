#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace relay::cli {

/// A command of the user's own: `sh -c TEXT`. Nothing that it is told becomes a part of the text.
struct ShellCommand {
    std::string text;
    std::vector<std::string> variables{};  ///< NAME=VALUE; what the caller had under these names is not passed on
    int input = -1;
    int output = -1;
    int errors = -1;
};

/// Starts it as the leader of a process group of its own, so that it can be ended with all that it started (`kill(-process, ...)`). Its signals
/// are as a new shell has them. `known` is told the process before it does anything; if this program dies earlier, it never does.
/// Returns the errno of a failure, or 0.
int start_shell(ShellCommand const &command, pid_t &process, std::function<void(pid_t)> const &known = {});

/// What a wait status complains of: "it ended with exit code 3", "it was ended by signal 9"; nothing for exit code 0.
std::optional<std::string> complaint_of(int wait_status);

}  // namespace relay::cli
