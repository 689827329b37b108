#pragma once

#include "relay/model/error.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <vector>

namespace relay {

/// Others who are to have what was committed, and are waited for: gateways, standbys.
class Acknowledgement {
  public:
    /// `patience` counts from the commit on.
    explicit Acknowledgement(std::chrono::milliseconds patience) : m_patience(patience) {}
    virtual ~Acknowledgement() = default;
    Acknowledgement(Acknowledgement const &) = delete;
    Acknowledgement &operator=(Acknowledgement const &) = delete;

    /// Asks the database once more, and notes the answer. True: there is somebody, and all of them have it.
    virtual bool ask() = 0;

    bool complete() const { return m_complete; }
    /// From the commit to the last answer.
    std::chrono::milliseconds took() const { return m_took; }
    /// Why they could not be asked the last time, if so.
    std::optional<Error> const &failure() const { return m_failure; }

  protected:
    /// To be called in ask(): there is no use in asking again.
    void end() { m_ended = true; }

  private:
    friend class Awaiting;
    std::chrono::milliseconds m_patience;
    std::chrono::milliseconds m_took{};
    bool m_complete = false;
    bool m_ended = false;  ///< also when complete, without patience, or not to be asked
    std::optional<Error> m_failure{};
};

/// Asks each of them over and over until all have ended, at least once; what was committed stands whatever comes of it. `on_wait` is called
/// once, when it takes longer than a person expects (a second).
///
/// Throws nothing of the database: that is their failure(). Returns false if a signal ended the waiting.
bool await_acknowledgements(std::vector<Acknowledgement *> const &acknowledgements,
                            std::chrono::steady_clock::time_point since, std::function<void()> const &on_wait);

}  // namespace relay
