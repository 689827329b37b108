#pragma once

#include "verifier.hpp"

#include <cstddef>
#include <functional>
#include <thread>

/// Counts the uses of keys, and reports them to the database in batches. Copy it into your gateway, with verifier.hpp.
///
/// relay-admin-gateway(7) explains the rules that it keeps.
namespace gateway {

/// Counts, in one entry for each key and address, and reports in its own thread. If your gateway forks, make it later.
///
/// No check waits for a report, and none fails because of one. Entries that could not be reported are part of the next
/// report. A key with too many addresses does not take the room of others: the rest is counted without an address, and
/// so is each new entry when half of the room is taken.
class Uses {
  public:
    struct Options {
        Clock::duration interval = std::chrono::seconds(10);  ///< from report to report
        std::size_t most = 100'000;  ///< entries that are kept: about 30 MB
        std::function<void(std::string const &)> on_error{};  ///< is called by the thread if a report fails: log it
    };
    /// What to watch. If `failures` grows, keys look unused that are not.
    struct Status {
        std::uint64_t lost = 0;  ///< uses that had no room or were refused; after `close`, all that were not delivered
        std::uint64_t waiting = 0;  ///< uses for the next report
        std::uint64_t failures = 0;  ///< since `last_success`
        std::string last_error{};  ///< the text of the last failure
        std::optional<std::chrono::system_clock::time_point> last_success{};  ///< when a report recorded something
    };

    /// `query` runs one statement, committed, on the primary, with time-outs, on a connection that no check needs; only
    /// one thread calls it. It throws a QueryError if the server refuses the statement. It must work until the process
    /// ends, because `close` does not wait longer than its limit.
    explicit Uses(Verifier::Query query) : Uses(std::move(query), Options()) {}
    Uses(Verifier::Query query, Options options);
    ~Uses() { close(); }
    Uses(Uses const &) = delete;
    Uses &operator=(Uses const &) = delete;

    /// Counts one accepted call.
    void count(std::string const &key_id, Value const &ip);
    /// Repeats a call of authenticate on the primary, immediately: its use changes something, which a standby cannot
    /// record. Not later, and not again after an error: it says that the key is used now. The next call will say so.
    void repeat(char const *sql, std::vector<Value> const &arguments);
    Status status() const;
    /// Reports the last uses, but takes at most `limit`: after that, a database that does not answer does not keep the
    /// gateway from stopping. Call it when the gateway stops, and has no call under way.
    void close(Clock::duration limit = std::chrono::seconds(5));

  private:
    class Reporter;
    std::shared_ptr<Reporter> m_reporter;  ///< the thread has it, too
    std::thread m_thread;
};

}  // namespace gateway
