#pragma once

#include <chrono>
#include <memory>
#include <string>

namespace relay::db {

struct Conninfo;
struct Settings;

/// Waits for NOTIFY on one channel, on a separate connection. A notification is only a hint to look: those that are
/// sent while no one listens are lost.
class Listener {
  public:
    /// Connects and listens. Where that is impossible (through a transaction pooler, on a standby), hears() is false
    /// and wait() only waits. `channel` must be a constant, never input. Throws Error: unavailable, denied.
    Listener(Conninfo const &conninfo, Settings const &settings, char const *channel);
    ~Listener();
    Listener(Listener const &) = delete;
    Listener &operator=(Listener const &) = delete;

    /// Returns true if notifications can reach us.
    bool hears() const noexcept;
    /// Waits up to `patience` for a notification. Returns true if there was one; several count as one.
    /// Throws Error: unavailable, the connection is lost. Throws Interrupted.
    bool wait(std::chrono::milliseconds patience);

  private:
    struct Impl;
    std::unique_ptr<Impl> m_impl;
};

}  // namespace relay::db
