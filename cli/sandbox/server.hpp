#pragma once

#include "cli/sandbox/binaries.hpp"
#include "cli/sandbox/layout.hpp"

#include <sys/types.h>
#include <chrono>
#include <optional>

namespace relay::cli::sandbox {

/// The server's main process, as its own file postmaster.pid tells.
struct Postmaster {
    pid_t pid = 0;
    bool ready = false;  ///< it accepts connections
};

/// The server that runs on our data; nothing if there is none, or if postmaster.pid was left behind and its number is
/// another process's.
std::optional<Postmaster> find_postmaster(Layout const &layout);

/// Starts the server on the finished cluster and waits until it accepts connections. `patience` bounds it all.
/// Throws Error: unavailable, with the last lines of the server's log.
void start_server(Layout const &layout, Binaries const &binaries, std::chrono::seconds patience);

/// Waits until the server that was found accepts connections. Throws Error: unavailable, as above.
void wait_until_ready(Layout const &layout, pid_t process, std::chrono::steady_clock::time_point deadline);

/// Ends the server, its clients' transactions rolled back (a "fast" shutdown), and waits for it.
/// Throws Error: unavailable, it is still there after `patience`.
void stop_server(Layout const &layout, Postmaster const &postmaster, std::chrono::seconds patience);

/// Frees the shared memory segment that a server leaves which was killed (a later start would reuse it; a removal
/// would not).
void free_shared_memory(Layout const &layout);

}  // namespace relay::cli::sandbox
