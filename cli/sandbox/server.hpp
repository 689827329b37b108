#pragma once

#include "cli/sandbox/binaries.hpp"
#include "cli/sandbox/layout.hpp"

#include <sys/types.h>
#include <chrono>
#include <optional>

namespace relay::cli::sandbox {

/// The server's main process, as its file postmaster.pid describes it.
struct Postmaster {
    pid_t pid = 0;
    bool ready = false;  ///< it accepts connections
};

/// Returns the server that runs on our data; none if there is none, or if postmaster.pid is left from an earlier one
/// and its number now belongs to another process.
std::optional<Postmaster> find_postmaster(Layout const &layout);

/// Starts the server on the finished cluster and waits until it accepts connections; all of it within `patience`.
/// Throws Error (unavailable) with the last lines of the server's log.
void start_server(Layout const &layout, Binaries const &binaries, std::chrono::seconds patience);

/// Waits until the server accepts connections. Throws Error (unavailable) as above.
void wait_until_ready(Layout const &layout, pid_t process, std::chrono::steady_clock::time_point deadline);

/// Stops the server and waits until it ends; its clients' transactions are rolled back (a "fast" shutdown). Throws
/// Error (unavailable) if it is still running after `patience`.
void stop_server(Layout const &layout, Postmaster const &postmaster, std::chrono::seconds patience);

/// Frees the shared memory segment that a killed server left. (A later start would reuse it, but removing the data
/// would not free it.)
void free_shared_memory(Layout const &layout);

}  // namespace relay::cli::sandbox
