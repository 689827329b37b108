#pragma once

#include "cli/posix/files.hpp"

#include <sys/types.h>
#include <chrono>
#include <optional>

namespace relay::cli {

/// Kills process groups if this program dies, for whatever reason, and at a deadline, even if this program is stopped
/// then. A separate process waits for the end of a pipe, then kills the groups that it was given.
///
/// That process keeps open all that was open when it started, including the connection to the database. So the server
/// sees the connection end, and releases the rows locked by its transaction, only after those groups are gone.
class DeathWatch {
  public:
    /// `deadline`: from then on, no group runs. Throws Error (sink) if no process can be started.
    explicit DeathWatch(std::optional<std::chrono::steady_clock::time_point> deadline = std::nullopt);
    /// Kills the groups that are still watched.
    ~DeathWatch();
    DeathWatch(DeathWatch const &) = delete;
    DeathWatch &operator=(DeathWatch const &) = delete;

    static constexpr std::size_t most_groups = 64;
    void watch(pid_t group) noexcept { tell(group); }
    /// Must be called before waiting for the group's leader: after that, its number may belong to another process.
    void forget(pid_t group) noexcept { tell(-group); }

  private:
    void tell(pid_t word) noexcept;

    FileDescriptor m_pipe{};
    pid_t m_watcher = -1;
};

}  // namespace relay::cli
