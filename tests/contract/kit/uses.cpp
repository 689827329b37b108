#include "uses.hpp"

#include <arpa/inet.h>
#include <algorithm>
#include <condition_variable>
#include <limits>
#include <locale>
#include <sstream>
#include <utility>

namespace gateway {

namespace {

using namespace std::chrono_literals;

/// Only the database's clock counts, so a report says how long ago each use was.
constexpr auto report_sql =
    "SELECT place FROM relay_api.report_uses($1::text[], $2::inet[], ARRAY("
    "SELECT clock_timestamp() - age * interval '1 second' FROM unnest($3::float8[]) WITH ORDINALITY AS said (age, "
    "place) "
    "ORDER BY place), $4::integer[]) AS report, unnest(report.again) AS place";
constexpr std::size_t page_size = 1000;  // entries of one call, which takes far less than a time-out
constexpr std::size_t most_addresses = 1000;  // entries with an address, of one key
constexpr std::size_t most_repeats = 1000;  // calls that wait to be repeated
constexpr auto late = 1s;  // after that, a call is not repeated any more
constexpr std::uint64_t most_uses = std::numeric_limits<std::int32_t>::max();  // of one entry: what an integer holds
constexpr auto no_address = "NULL";

/// Returns what the database takes as an address: null for any other text, which must not spoil a report.
std::string address(Value const &ip) {
    in6_addr parsed{};
    bool const good =
        ip && (inet_pton(AF_INET, ip->c_str(), &parsed) == 1 || inet_pton(AF_INET6, ip->c_str(), &parsed) == 1);
    return good ? ip->c_str() : no_address;  // up to a zero byte, as it was looked at
}

/// Returns whether the database refused an entry: these classes are not about the database or the login.
bool is_refused(QueryError const &error) {
    return error.sqlstate.starts_with("22") || error.sqlstate.starts_with("23");
}

struct Entry {
    std::string key_id, ip;
    std::uint64_t uses = 1;
    Clock::time_point at = Clock::now();  ///< when it was last used
};
using Entries = std::vector<Entry>;

std::uint64_t uses_of(Entries const &entries) {
    std::uint64_t sum = 0;
    for (Entry const &entry : entries) {
        sum += entry.uses;
    }
    return sum;
}

/// Returns an array as PostgreSQL reads it, of what `text` makes of the entries; none of it needs quotes.
template <typename Text>
std::string array(Entries const &entries, Text const &text) {
    std::ostringstream all;
    all.imbue(std::locale::classic());  // the locale of the gateway may write 1.234,5
    char const *separator = "{";
    for (Entry const &entry : entries) {
        all << std::exchange(separator, ",") << text(entry);
    }
    return all.str() + '}';
}

}  // namespace

/// Has all that the thread needs, so that a thread that hangs may outlive Uses.
class Uses::Reporter {
  public:
    Reporter(Verifier::Query query, Options options) : m_query(std::move(query)), m_options(std::move(options)) {}

    void count(std::string const &key_id, Value const &ip);
    void repeat(char const *sql, std::vector<Value> const &arguments);
    void run();
    Status status();
    bool close(Clock::duration limit);

  private:
    struct Count {
        std::uint64_t uses = 0;
        Clock::time_point at{};
    };
    using Addresses = std::unordered_map<std::string, Count>;
    struct Part {
        std::mutex mutex{};
        std::unordered_map<std::string, Addresses> gathered{};  ///< by key id
        std::uint64_t counted = 0;  ///< uses
    };
    struct Repeat {
        char const *sql;
        std::vector<Value> arguments;
        Clock::time_point at;
    };

    Part &part(std::string const &key_id) { return m_parts[std::hash<std::string>()(key_id) / 64 % m_parts.size()]; }
    void add(Part &part, Entry const &more);
    void send_repeats(std::map<std::string, Repeat> const &repeats);
    void report();
    Entries take();
    Entries send_all(Entries const &batch);
    Entries send(Entries const &page);
    void fail(std::string const &error);

    Verifier::Query m_query;
    Options m_options;
    std::array<Part, 64> m_parts{};  ///< so that checks in several threads rarely wait for each other
    std::atomic<std::size_t> m_size = 0, m_sending = 0;  ///< entries in all parts, and those that a report has taken
    std::atomic<std::uint64_t> m_delivered = 0, m_dropped = 0;  ///< uses
    std::mutex m_mutex{};  ///< of what follows
    std::condition_variable m_wake{}, m_end{};
    std::map<std::string, Repeat> m_repeats{};  ///< by key id
    Status m_status{};  ///< of the reports
    bool m_closing = false, m_ended = false, m_closed = false;
};

void Uses::Reporter::count(std::string const &key_id, Value const &ip) {
    Part &here = part(key_id);
    Entry const entry{key_id, address(ip)};
    std::lock_guard const lock(here.mutex);
    ++here.counted;
    add(here, entry);
}

/// Adds to an entry, for a thread that holds the lock of the part.
void Uses::Reporter::add(Part &part, Entry const &more) {
    static Addresses const none;
    auto const key = part.gathered.find(more.key_id);
    Addresses const &known = key == part.gathered.end() ? none : key->second;
    std::size_t const size = m_size + m_sending;
    bool const room = known.size() < most_addresses && size < m_options.most / 2;
    std::string const ip = room || known.contains(more.ip) ? more.ip : no_address;
    if (size >= m_options.most && !known.contains(ip)) {
        m_dropped += more.uses;
        return;
    }
    auto const [found, added] = part.gathered[more.key_id].try_emplace(ip);
    m_size += added ? 1 : 0;
    found->second.uses += more.uses;
    found->second.at = std::max(found->second.at, more.at);
}

void Uses::Reporter::repeat(char const *sql, std::vector<Value> const &arguments) {
    std::lock_guard const lock(m_mutex);
    if (m_repeats.size() < most_repeats) {
        m_repeats.try_emplace(arguments.at(0).value(), Repeat{sql, arguments, Clock::now()});
        m_wake.notify_one();
    }
}

void Uses::Reporter::run() {
    auto report_at = Clock::now() + m_options.interval;
    for (bool closing = false; !closing;) {
        std::map<std::string, Repeat> repeats;
        {
            std::unique_lock lock(m_mutex);
            m_wake.wait_until(lock, report_at, [this] { return m_closing || !m_repeats.empty(); });
            repeats.swap(m_repeats);
            closing = m_closing;
        }
        send_repeats(repeats);
        if (closing || Clock::now() >= report_at) {
            report_at = Clock::now() + m_options.interval;
            report();
        }
    }
    std::lock_guard const lock(m_mutex);
    m_ended = true;
    m_end.notify_all();
}

void Uses::Reporter::send_repeats(std::map<std::string, Repeat> const &repeats) {
    for (auto const &[key_id, one] : repeats) {
        try {
            if (Clock::now() < one.at + late) {
                m_query(one.sql, one.arguments);
            }
        } catch (...) {}  // the answer is not kept, so the next call with the key asks again
    }
}

Entries Uses::Reporter::take() {
    Entries batch;
    for (Part &part : m_parts) {
        decltype(part.gathered) taken;
        {
            std::lock_guard const lock(part.mutex);
            taken.swap(part.gathered);
        }
        for (auto const &[key_id, addresses] : taken) {
            m_sending += addresses.size();
            m_size -= addresses.size();
            for (auto const &[ip, count] : addresses) {
                batch.push_back({key_id, ip, count.uses, count.at});
            }
        }
    }
    return batch;
}

/// Reports what was gathered, and keeps what could not be recorded for the next report. Throws nothing, because the
/// gateway must not end.
void Uses::Reporter::report() {
    try {
        for (Entry const &entry : send_all(take())) {
            Part &here = part(entry.key_id);
            std::lock_guard const lock(here.mutex);
            --m_sending;
            add(here, entry);
        }
    } catch (std::exception const &error) {
        fail(error.what());
    } catch (...) {
        fail("unknown");
    }
    m_sending = 0;
}

/// Reports page by page; returns the entries to report again. A page that the database refuses is sent in halves, so
/// that only the entry that it refuses is lost.
Entries Uses::Reporter::send_all(Entries const &batch) {
    std::vector<Entries> pages;
    for (std::size_t begin = 0; begin < batch.size(); begin += page_size) {
        auto const end = std::min(begin + page_size, batch.size());
        pages.emplace_back(batch.begin() + std::ptrdiff_t(begin), batch.begin() + std::ptrdiff_t(end));
    }
    Entries again;
    auto const keep = [&](Entries const &page) { again.insert(again.end(), page.begin(), page.end()); };
    while (!pages.empty()) {
        Entries const page = std::move(pages.back());
        pages.pop_back();
        auto const half = page.begin() + std::ptrdiff_t(page.size() / 2);
        std::string error = "unknown";
        bool refused = false;
        try {
            Entries const left = send(page);
            m_delivered += uses_of(page) - uses_of(left);
            keep(left);
            if (left.size() < page.size()) {
                std::lock_guard const lock(m_mutex);
                m_status.failures = 0;
                m_status.last_success = std::chrono::system_clock::now();
            }
            continue;
        } catch (QueryError const &thrown) {
            error = thrown.what();
            refused = is_refused(thrown);
        } catch (std::exception const &thrown) {
            error = thrown.what();
        } catch (...) {}
        if (!refused) {  // the next report may work
            fail(error);
            keep(page);
            std::ranges::for_each(pages, keep);
            break;
        }
        if (page.size() > 1) {
            pages.emplace_back(page.begin(), half);
            pages.emplace_back(half, page.end());
        } else {
            fail(error);
            m_dropped += uses_of(page);
        }
    }
    return again;
}

/// Reports some entries in one call; returns those to report again.
Entries Uses::Reporter::send(Entries const &page) {
    auto const now = Clock::now();
    Rows const rows =
        m_query(report_sql,
                {array(page, [](Entry const &entry) { return entry.key_id; }),
                 array(page, [](Entry const &entry) { return entry.ip; }),
                 array(page, [&](Entry const &entry) { return std::chrono::duration<double>(now - entry.at).count(); }),
                 array(page, [](Entry const &entry) { return std::min(entry.uses, most_uses); })});
    Entries again;
    for (Row const &row : rows) {
        again.push_back(page.at(std::stoul(row.at("place").value()) - 1));
    }
    return again;
}

void Uses::Reporter::fail(std::string const &error) {
    {
        std::lock_guard const lock(m_mutex);
        ++m_status.failures;
        m_status.last_error = error;
    }
    try {
        if (m_options.on_error) {
            m_options.on_error(error);
        }
    } catch (...) {}  // it must not end the reports
}

Uses::Status Uses::Reporter::status() {
    std::uint64_t counted = 0;
    for (Part &part : m_parts) {
        std::lock_guard const lock(part.mutex);
        counted += part.counted;
    }
    std::lock_guard const lock(m_mutex);
    Status now = m_status;
    now.lost = m_closed ? counted - m_delivered : m_dropped.load();
    now.waiting = counted - m_delivered - now.lost;
    return now;
}

/// Returns whether the thread has ended.
bool Uses::Reporter::close(Clock::duration limit) {
    std::unique_lock lock(m_mutex);
    m_closing = true;
    m_wake.notify_one();
    m_end.wait_for(lock, limit, [this] { return m_ended; });
    m_closed = true;
    return m_ended;
}

Uses::Uses(Verifier::Query query, Options options)
    : m_reporter(std::make_shared<Reporter>(std::move(query), std::move(options))),
      m_thread([reporter = m_reporter] { reporter->run(); }) {}

void Uses::count(std::string const &key_id, Value const &ip) { m_reporter->count(key_id, ip); }

void Uses::repeat(char const *sql, std::vector<Value> const &arguments) { m_reporter->repeat(sql, arguments); }

Uses::Status Uses::status() const { return m_reporter->status(); }

void Uses::close(Clock::duration limit) {
    if (m_thread.joinable()) {
        m_reporter->close(limit) ? m_thread.join() : m_thread.detach();
    }
}

}  // namespace gateway
