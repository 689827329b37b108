#pragma once

#include "cli/sandbox/server_user.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

/// Starts PostgreSQL's programs: never through a shell, and with a fixed environment, so that no PG* variable reaches
/// them.
namespace relay::cli::sandbox {

struct ToolResult {
    int exit = 0;  ///< the exit code, or 128 + the signal that killed it
    bool timed_out = false;
    std::string output;  ///< stdout and stderr together, the last 64 KiB at least
};

struct Tool {
    std::vector<std::string> argv;  ///< argv[0] is an absolute path
    std::string folder = "/";  ///< where it runs
    std::string input{};  ///< its stdin, at most 4 KiB
    int keep = -1;  ///< a descriptor that it inherits
    std::chrono::seconds limit{60};
};

/// Runs a program as `user` and waits until it ends. Throws Error (unavailable) if it cannot be started.
ToolResult run_tool(ServerUser const &user, Tool const &tool);

/// Starts a program in a new session, with stdin from /dev/null, both outputs on `log`, and all other descriptors
/// closed. It outlives us, Ctrl-C and the terminal, keeps no pipe of our caller open, and is not our child. Returns its
/// process id. Throws Error (unavailable) if it cannot be started.
pid_t start_daemon(ServerUser const &user, std::vector<std::string> const &argv, std::string const &folder, int log);

/// Returns whether the process is alive: false if it is gone, or is dead but not yet collected by its parent (in some
/// containers that never happens).
bool is_alive(pid_t process);

}  // namespace relay::cli::sandbox
