#include "uses.hpp"

#include <arpa/inet.h>
#include <algorithm>
#include <limits>
#include <sstream>

namespace gateway {

namespace {

using namespace std::chrono_literals;

/// Only the database's clock counts, so a report says how long ago each use was.
constexpr auto report_sql =
    "SELECT place FROM relay_api.report_uses($1::text[], $2::inet[], ARRAY("
    "SELECT clock_timestamp() - age * interval '1 second' FROM unnest($3::float8[]) WITH ORDINALITY AS said (age, "
    "place) "
    "ORDER BY place), $4::integer[]) AS report, unnest(report.again) AS place";
constexpr std::size_t page = 1000;  // entries of one call, which takes far less than a time-out
constexpr std::size_t most = 100'000;  // entries that are kept, one for each key and address: about 20 MB
constexpr std::size_t most_repeats = 1000;  // calls that wait to be repeated
constexpr auto late = 1s;  // after that, a call is not repeated any more
constexpr std::uint64_t most_uses = std::numeric_limits<std::int32_t>::max();  // of one entry: what an integer holds

/// Returns what the database takes as an address: null for any other text, which must not spoil a report.
std::string address(std::string const &text) {
    in6_addr parsed{};
    bool const good = inet_pton(AF_INET, text.c_str(), &parsed) == 1 || inet_pton(AF_INET6, text.c_str(), &parsed) == 1;
    return good ? text : "NULL";
}

/// Returns an array as PostgreSQL reads it, of what `text` makes of the elements; none of them needs quotes.
template <typename Iterator, typename Text>
std::string array(Iterator begin, Iterator end, Text const &text) {
    std::ostringstream all;
    char const *separator = "{";
    for (auto one = begin; one != end; ++one) {
        all << std::exchange(separator, ",") << text(*one);
    }
    return all.str() + '}';
}

}  // namespace

Uses::Uses(Verifier::Query query, Clock::duration interval)
    : m_query(std::move(query)), m_interval(interval), m_thread([this] { run(); }) {}

std::size_t Uses::Hash::operator()(Origin const &origin) const {
    return std::hash<std::string>()(origin.first) * 31 + std::hash<std::string>()(origin.second);
}

void Uses::count(std::string const &key_id, Value const &ip) {
    add({key_id, ip.value_or("")}, {.uses = 1, .at = Clock::now()});
}

/// Adds to an entry, if there is room for it.
void Uses::add(Origin const &origin, Count const &more) {
    Part &part = m_parts[Hash()(origin) / 64 % m_parts.size()];
    std::lock_guard const lock(part.mutex);
    auto found = part.counts.find(origin);
    if (found == part.counts.end()) {
        if (m_size.fetch_add(1) >= most) {
            --m_size;
            m_lost += more.uses;
            return;
        }
        found = part.counts.try_emplace(origin).first;
    }
    found->second.uses += more.uses;
    found->second.at = std::max(found->second.at, more.at);
}

void Uses::repeat(char const *sql, std::vector<Value> const &arguments) {
    std::lock_guard const lock(m_mutex);
    if (m_repeats.size() < most_repeats) {
        m_repeats.try_emplace(arguments.at(0).value(), Repeat{sql, arguments, Clock::now()});
        m_wake.notify_one();
    }
}

void Uses::run() {
    std::unique_lock lock(m_mutex);
    for (auto report_at = Clock::now() + m_interval; !m_closed;) {
        m_wake.wait_until(lock, report_at, [this] { return m_closed || !m_repeats.empty(); });
        auto const repeats = std::exchange(m_repeats, {});
        lock.unlock();
        for (auto const &[key_id, one] : repeats) {
            try {
                if (Clock::now() < one.at + late) {
                    m_query(one.sql, one.arguments);
                }
            } catch (std::exception const &) {}  // the answer is not kept, so the next call with the key asks again
        }
        if (Clock::now() >= report_at) {
            report_at = Clock::now() + m_interval;
            report();
        }
        lock.lock();
    }
}

Uses::Batch Uses::take() {
    Batch batch;
    for (Part &part : m_parts) {
        Counts taken;
        {
            std::lock_guard const lock(part.mutex);
            taken.swap(part.counts);
            m_size -= taken.size();
        }
        batch.insert(batch.end(), taken.begin(), taken.end());
    }
    return batch;
}

/// Reports what was gathered, and keeps what could not be recorded for the next report.
void Uses::report() {
    Batch const batch = take();
    std::vector<std::size_t> again;
    std::size_t begin = 0;
    try {
        for (; begin < batch.size(); begin += page) {
            std::ranges::copy(send(batch, begin, std::min(begin + page, batch.size())), std::back_inserter(again));
        }
    } catch (std::exception const &) {  // of the network or of the database: the next report may work
        for (; begin < batch.size(); ++begin) {
            again.push_back(begin);
        }
    }
    for (std::size_t const at : again) {
        add(batch[at].first, batch[at].second);
    }
}

/// Reports some entries in one call; returns which of them to report again.
std::vector<std::size_t> Uses::send(Batch const &batch, std::size_t begin, std::size_t end) {
    auto const now = Clock::now();
    auto const of_each = [&](auto const &text) {
        return array(batch.begin() + std::ptrdiff_t(begin), batch.begin() + std::ptrdiff_t(end), text);
    };
    Rows const rows = m_query(
        report_sql,
        {of_each([](auto const &entry) { return entry.first.first; }),
         of_each([](auto const &entry) { return address(entry.first.second); }),
         of_each([&](auto const &entry) { return std::chrono::duration<double>(now - entry.second.at).count(); }),
         of_each([](auto const &entry) { return std::min(entry.second.uses, most_uses); })});
    std::vector<std::size_t> again;
    for (Row const &row : rows) {
        again.push_back(begin + std::stoul(row.at("place").value()) - 1);
    }
    return again;
}

void Uses::close() {
    {
        std::lock_guard const lock(m_mutex);
        m_closed = true;
        m_wake.notify_one();
    }
    if (m_thread.joinable()) {
        m_thread.join();
        report();
        for (auto const &[origin, count] : take()) {
            m_lost += count.uses;
        }
    }
}

}  // namespace gateway
