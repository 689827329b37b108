#pragma once

#include "verifier.hpp"

#include <condition_variable>
#include <functional>
#include <thread>

/// Spends what an organization may use, from blocks that it takes from the database. Copy it into your gateway, with
/// verifier.hpp.
///
/// relay-admin-gateway(7) explains the rules that it keeps.
namespace gateway {

/// Takes blocks, spends from memory, and gives back what no one used. If your gateway forks, make it later.
///
/// A question to the database is asked by one thread, and the others wait for its answer. A refusal counts for a
/// second, so a flood of calls over the limit costs one question per second. If the database is away, calls are
/// accepted until the block is used up, and then `spend` throws. A process that dies leaves at most one block charged
/// for each organization and meter. A block is never given back twice, because the first time may have worked.
class Quota {
  public:
    struct Options {
        std::int64_t block = 500;  ///< units of one take
        std::map<std::string, std::int64_t> blocks{};  ///< by meter, for those that count in thousands, as ai_tokens
        Clock::duration idle = std::chrono::seconds(60);  ///< without a call: then a block is given back
        std::function<void(std::string const &)> on_error{};  ///< is called if a block was not given back: log it
    };
    struct Answer {
        bool ok = false;
        std::string reason{};  ///< ok over_quota
        std::optional<std::int64_t> remaining{};  ///< about what is left of the day; none: no limit
        std::chrono::seconds retry_after{1};  ///< to the end of the day
        std::string day{};  ///< for `give`
    };

    /// `query` runs one statement, committed, on the primary, with time-outs; several threads call it. It must work
    /// until the process ends, because `close` does not wait longer than its limit.
    explicit Quota(Verifier::Query query) : Quota(std::move(query), Options()) {}
    Quota(Verifier::Query query, Options options);
    ~Quota() { close(); }
    Quota(Quota const &) = delete;
    Quota &operator=(Quota const &) = delete;

    /// Spends all of `amount`, or nothing. `org_id`: as authenticate returned it. Throws if the database must be
    /// asked and cannot be.
    Answer spend(std::string const &org_id, std::string const &meter, std::int64_t amount = 1);
    /// Returns what was spent and not needed, such as an estimate of tokens. `day`: of the answer of `spend`.
    void give(std::string const &org_id, std::string const &meter, std::int64_t amount, std::string const &day);
    /// Gives all blocks back, but takes at most `limit`. Call it when the gateway stops, and has no call under way.
    void close(Clock::duration limit = std::chrono::seconds(5));

  private:
    class Blocks;
    std::shared_ptr<Blocks> m_blocks;  ///< the thread has them, too
    std::thread m_thread;
};

}  // namespace gateway
