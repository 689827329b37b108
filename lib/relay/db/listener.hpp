#pragma once

#include <chrono>
#include <memory>
#include <string>

namespace relay::db {

struct Conninfo;
struct Settings;

/// Waits for NOTIFY on one channel, on a connection of its own. A notification is a hint to look: what was sent while nobody listened is lost.
class Listener {
  public:
    /// Connects and listens. Where that is impossible (through a transaction pooler, on a standby) hears() is false, and wait() only waits.
    /// `channel` is a fixed name, not somebody's text. Throws Error: unavailable, denied.
    Listener(Conninfo const &conninfo, Settings const &settings, char const *channel);
    ~Listener();
    Listener(Listener const &) = delete;
    Listener &operator=(Listener const &) = delete;

    /// True if notifications reach us.
    bool hears() const noexcept;
    /// Waits for a notification, at most `patience`; true if there was one. Takes all that have come as one.
    /// Throws Error: unavailable, the connection is lost. Throws Interrupted.
    bool wait(std::chrono::milliseconds patience);

  private:
    struct Impl;
    std::unique_ptr<Impl> m_impl;
};

}  // namespace relay::db
