#pragma once

#include "cli/posix/files.hpp"

#include <sys/types.h>

namespace relay::cli {

/// Ends process groups if this program dies, of whatever it dies: a process of its own waits for the end of a pipe, and kills those that it was
/// told of.
///
/// It holds, untouched, what was open when it was made: the connection to the database, too. So a server that sees that connection end, and lets
/// go of the rows that its transaction held, does so when those groups are gone, never before.
class DeathWatch {
  public:
    /// Throws Error (sink) if there can be no further process.
    DeathWatch();
    /// Kills what is still watched.
    ~DeathWatch();
    DeathWatch(DeathWatch const &) = delete;
    DeathWatch &operator=(DeathWatch const &) = delete;

    static constexpr std::size_t most_groups = 64;
    void watch(pid_t group) noexcept { tell(group); }
    /// To be called before the group's leader is waited for: its number may be another's after that.
    void forget(pid_t group) noexcept { tell(-group); }

  private:
    void tell(pid_t word) noexcept;

    FileDescriptor m_pipe{};
    pid_t m_watcher = -1;
};

}  // namespace relay::cli
