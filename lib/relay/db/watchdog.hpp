#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace relay::db {

/// Ends a wait for a server that does not answer. libpq has no time-out for that; shutting the socket down from
/// another thread works.
class Watchdog {
  public:
    using Clock = std::chrono::steady_clock;

    Watchdog() = default;
    ~Watchdog();
    Watchdog(Watchdog const &) = delete;
    Watchdog &operator=(Watchdog const &) = delete;

    /// Shuts `socket` down at `deadline`, unless disarmed before.
    void arm(int socket, Clock::time_point deadline);
    void disarm() noexcept;
    /// Returns true if the last deadline passed.
    bool barked() const noexcept;

  private:
    void watch();

    mutable std::mutex m_mutex{};
    std::condition_variable m_changed{};
    int m_socket = -1;
    Clock::time_point m_deadline{};
    bool m_barked = false;
    bool m_stop = false;
    std::thread m_thread{};  // started at the first arming
};

}  // namespace relay::db
