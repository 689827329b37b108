#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <thread>

namespace relay::db {

/// Ends a wait for a server that does not answer, or that sends without end. libpq has no bound for either: it waits without end,
/// and keeps a result completely in memory, whatever its size. Shutting the socket down from another thread works
/// in every state, also while libpq reads one long message.
class Watchdog {
  public:
    using Clock = std::chrono::steady_clock;

    /// Why the socket was shut down.
    enum class Bark : std::uint8_t { none, late, flooded };

    /// By how many bytes the process may grow while it waits for an answer. The memory is looked at every few
    /// milliseconds, so it can become some megabytes more.
    static constexpr std::size_t usual_growth = 32U << 20U;

    Watchdog();
    ~Watchdog();
    Watchdog(Watchdog const &) = delete;
    Watchdog &operator=(Watchdog const &) = delete;

    /// Shuts `socket` down at `deadline`, or when the process has grown by more than `most_growth` bytes since it was
    /// armed first, unless disarmed before.
    void arm(int socket, Clock::time_point deadline, std::size_t most_growth = usual_growth);
    void disarm() noexcept;
    /// Returns whether, since the last arming, it shut the socket down.
    Bark bark() const noexcept;

  private:
    void watch();
    std::size_t memory() const noexcept;

    mutable std::mutex m_mutex{};
    std::condition_variable m_changed{};
    int m_memory_file;
    int m_socket = -1;
    Clock::time_point m_deadline{};
    std::size_t m_before = 0;
    std::size_t m_most_growth = usual_growth;
    Bark m_bark = Bark::none;
    bool m_stop = false;
    std::thread m_thread{};  // started at the first arming
};

/// Disarms the watchdog before the socket is closed, whose number may then be another's.
class Disarming {
  public:
    explicit Disarming(Watchdog &watchdog) : m_watchdog(watchdog) {}
    ~Disarming() { m_watchdog.disarm(); }
    Disarming(Disarming const &) = delete;
    Disarming &operator=(Disarming const &) = delete;

  private:
    Watchdog &m_watchdog;
};

}  // namespace relay::db
