#include "relay/feed/acknowledgement.hpp"

#include "relay/db/database.hpp"

#include <algorithm>

namespace relay {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds first_pause = 5ms;
constexpr milliseconds longest_pause = 100ms;
constexpr milliseconds silence = 1s;

}  // namespace

class Awaiting {
  public:
    Awaiting(std::vector<Acknowledgement *> const &acknowledgements, Clock::time_point since)
        : m_confirmations(acknowledgements), m_since(since) {}

    milliseconds passed() const { return std::chrono::duration_cast<milliseconds>(Clock::now() - m_since); }

    /// Asks each that has not ended. If the database cannot be reached for one, the others are not asked in this
    /// round, so that not each of them waits for its own time-out. The database may come back before the next round.
    void ask_all() {
        std::optional<Error> out_of_reach;
        for (Acknowledgement *const one : m_confirmations) {
            if (one->m_ended) {
                continue;
            }
            if (!out_of_reach) {
                out_of_reach = ask(*one);
            }
            if (out_of_reach) {
                one->m_failure = out_of_reach;
            }
            one->m_took = passed();
            one->m_ended = one->m_ended || one->m_took >= one->m_patience;
        }
    }

    /// Returns the time until the next one runs out of patience; none: all have ended.
    std::optional<milliseconds> left() const {
        std::optional<milliseconds> shortest;
        for (Acknowledgement const *const one : m_confirmations) {
            if (!one->m_ended) {
                milliseconds const rest = std::max(one->m_patience - passed(), 1ms);
                shortest = std::min(shortest.value_or(rest), rest);
            }
        }
        return shortest;
    }

    /// Says of each that has no answer yet that there is none: what was not looked at is not "0 gateways".
    void give_up() {
        for (Acknowledgement *const one : m_confirmations) {
            if (!one->m_answered && !one->m_failure) {
                one->m_failure = Error(ErrorKind::unavailable, "a signal ended the wait before the first answer");
            }
        }
    }

  private:
    static std::optional<Error> ask(Acknowledgement &one) {
        try {
            one.m_complete = one.ask();
            one.m_answered = true;
            one.m_failure.reset();
            one.m_ended = one.m_ended || one.m_complete;
        } catch (Error const &error) {
            if (error.kind() == ErrorKind::unavailable) {
                return error;
            }
            one.m_failure = error;
            one.m_ended = true;
        }
        return std::nullopt;
    }

    std::vector<Acknowledgement *> const &m_confirmations;
    Clock::time_point m_since;
};

bool await_acknowledgements(std::vector<Acknowledgement *> const &acknowledgements, Clock::time_point since,
                            std::function<void()> const &on_wait) {
    Awaiting awaiting(acknowledgements, since);
    bool told = false;
    try {
        for (milliseconds pause = first_pause;; pause = std::min(pause * 2, longest_pause)) {
            awaiting.ask_all();
            std::optional<milliseconds> const rest = awaiting.left();
            if (!rest) {
                return true;
            }
            if (!told && awaiting.passed() >= silence) {
                told = true;
                on_wait();
            }
            db::pause(std::min(pause, *rest));
        }
    } catch (Interrupted const &) {
        awaiting.give_up();
        return false;
    }
}

}  // namespace relay
