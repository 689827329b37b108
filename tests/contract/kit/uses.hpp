#pragma once

#include "verifier.hpp"

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <thread>
#include <utility>

/// Counts the uses of keys, and reports them to the database in batches. Copy it into your gateway, beside verifier.hpp.
///
/// relay-admin-gateway(7) explains the rules that it keeps.
namespace gateway {

/// Counts, in one entry for each key and address, and reports in its own thread.
///
/// No check waits for a report, and none fails because of one. Entries that could not be reported are part of the next
/// report.
class Uses {
  public:
    /// `query` runs one statement, committed, on the primary, with a time-out; only one thread calls it.
    explicit Uses(Verifier::Query query, Clock::duration interval = std::chrono::seconds(10));
    ~Uses() { close(); }
    Uses(Uses const &) = delete;
    Uses &operator=(Uses const &) = delete;

    /// Counts one accepted call.
    void count(std::string const &key_id, Value const &ip);
    /// Repeats a call of authenticate on the primary, immediately: its use changes something, which a standby cannot
    /// record. Not later, and not again after an error: it says that the key is used now. The next call will say so.
    void repeat(char const *sql, std::vector<Value> const &arguments);
    /// Reports the last uses. Call it when the gateway stops, and has no call under way.
    void close();
    /// Returns how many uses had no room, or were not delivered by the last report.
    std::uint64_t lost() const { return m_lost; }

  private:
    using Origin = std::pair<std::string, std::string>;  ///< key id and address; an empty one is none
    struct Hash {
        std::size_t operator()(Origin const &origin) const;
    };
    struct Count {
        std::uint64_t uses = 0;
        Clock::time_point at{};  ///< when it was last used
    };
    using Counts = std::unordered_map<Origin, Count, Hash>;
    using Batch = std::vector<std::pair<Origin, Count>>;
    struct Part {
        std::mutex mutex{};
        Counts counts{};
    };
    struct Repeat {
        char const *sql;
        std::vector<Value> arguments;
        Clock::time_point at;
    };

    void add(Origin const &origin, Count const &more);
    void run();
    void report();
    Batch take();
    std::vector<std::size_t> send(Batch const &batch, std::size_t begin, std::size_t end);

    Verifier::Query m_query;
    Clock::duration m_interval;
    std::array<Part, 64> m_parts{};  ///< so that checks in several threads rarely wait for each other
    std::atomic<std::size_t> m_size = 0;  ///< entries in all parts
    std::atomic<std::uint64_t> m_lost = 0;
    std::mutex m_mutex{};  ///< of what follows
    std::condition_variable m_wake{};
    std::map<std::string, Repeat> m_repeats{};  ///< by key id
    bool m_closed = false;
    std::thread m_thread;
};

}  // namespace gateway
