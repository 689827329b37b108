#pragma once

#include "relay/model/error.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <vector>

namespace relay {

/// A wait until others (gateways, standbys) have what was committed.
///
/// The change is committed before the wait begins, and remains in effect whatever the wait finds. The wait only
/// decides whether the command can say that everyone has it.
class Acknowledgement {
  public:
    /// `patience` is measured from the commit.
    explicit Acknowledgement(std::chrono::milliseconds patience) : m_patience(patience) {}
    virtual ~Acknowledgement() = default;
    Acknowledgement(Acknowledgement const &) = delete;
    Acknowledgement &operator=(Acknowledgement const &) = delete;

    /// Asks the database once more and stores the answer. Returns true if there is at least one of them and all have
    /// it.
    virtual bool ask() = 0;

    bool complete() const { return m_complete; }
    /// Returns the time from the commit to the last answer.
    std::chrono::milliseconds took() const { return m_took; }
    /// Returns why the last question failed, if it did, or why there was no answer at all.
    std::optional<Error> const &failure() const { return m_failure; }

  protected:
    /// For ask() to call when there is no use in asking again.
    void end() { m_ended = true; }

  private:
    friend class Awaiting;
    std::chrono::milliseconds m_patience;
    std::chrono::milliseconds m_took{};
    bool m_answered = false;
    bool m_complete = false;
    bool m_ended = false;  ///< complete, out of patience, failed, or no use in asking again
    std::optional<Error> m_failure{};
};

/// Asks each of `acknowledgements`, at least once, until all have ended. Calls `on_wait` once, after a second, when a
/// person starts to wonder. Returns false if a signal ended the wait.
///
/// Throws no error of the database: those are in failure().
bool await_acknowledgements(std::vector<Acknowledgement *> const &acknowledgements,
                            std::chrono::steady_clock::time_point since, std::function<void()> const &on_wait);

}  // namespace relay
