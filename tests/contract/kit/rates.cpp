#include "rates.hpp"

#include <algorithm>
#include <cmath>

namespace gateway {

namespace {

constexpr auto lease_sql =
    "SELECT rate, burst, retry_after, extract(epoch FROM ends_at - clock_timestamp())::float8 AS seconds "
    "FROM relay_api.lease_rate($1, $2, $3, $4::float8, $5::bigint)";
constexpr double quiet = 1.0 / 8;  // of its limit, at one gateway: an agent that stays below it needs no lease
constexpr double length = 5;  // seconds that a lease lasts
constexpr double again = 1;  // seconds from a lease that failed to the next try
constexpr double idle = 60;  // seconds after which an agent that does not call is forgotten

double number_of(Row const &row, char const *column) { return to_number(row.at(column).value_or("0")); }

}  // namespace

Rates::Bucket::Bucket(double most, Seconds now)
    : limit(most), filled(now), since(now), lease_at(now), until(now + length) {
    be_quiet();
    tokens = burst;
}

void Rates::Bucket::be_quiet() {
    rate = limit * quiet;
    burst = std::min(std::max(1.0, rate), limit);
    leased = false;
}

bool Rates::Bucket::take(Seconds now) {
    tokens = std::min(burst, tokens + rate * (now - filled));
    filled = now;
    if (tokens < 1) {
        return false;
    }
    tokens -= 1;
    return true;
}

std::optional<int> Rates::refuse(Decision const &decision) {
    if (!decision.qps) {
        return std::nullopt;
    }
    Seconds const now = std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
    std::unique_lock lock(m_mutex);
    Shared const found = bucket(decision, now);
    found->seen += 1;
    bool asks = !found->leasing && now >= found->lease_at && (found->leased ? now >= found->until : !found->has(now));
    double const demand = found->demand(now);
    long const refused = found->refused;
    if (asks && found->leased && demand < found->limit * quiet) {
        found->be_quiet();  // its share goes to the others
        found->seen = 0, found->since = now, found->refused = 0, found->retry_after = 1;
        asks = false;
    }
    if (asks) {
        found->leasing = true;
        lock.unlock();
        lease(decision, *found, demand, refused, now);
        lock.lock();
    }
    if (found->take(now)) {
        return std::nullopt;
    }
    found->refused += 1;
    return found->retry_after;
}

/// Returns the bucket of an agent; another limit begins a new one. For a thread that holds the lock.
Rates::Shared Rates::bucket(Decision const &decision, Seconds now) {
    Place &place = m_buckets[decision.agent_id];
    if (!place.bucket) {
        place.turn = m_turns.insert(m_turns.end(), decision.agent_id);
    }
    if (!place.bucket || place.bucket->limit != *decision.qps) {
        place.bucket = std::make_shared<Bucket>(*decision.qps, now);
    }
    m_turns.splice(m_turns.end(), m_turns, place.turn);
    Shared found = place.bucket;
    while (m_turns.front() != decision.agent_id && now > m_buckets[m_turns.front()].bucket->filled + idle) {
        m_buckets.erase(m_turns.front());
        m_turns.pop_front();
    }
    return found;
}

/// Asks for a share. Without the database the last rate remains for as long as a lease, and then the quiet one.
void Rates::lease(Decision const &decision, Bucket &bucket, double demand, long refused, Seconds now) {
    std::optional<Row> row;
    try {
        row = m_query(lease_sql, {decision.agent_id, decision.org_id, m_gateway_id, std::to_string(std::lround(demand)),
                                  std::to_string(refused)})
                  .at(0);
    } catch (std::exception const &) {}
    std::lock_guard const lock(m_mutex);
    bucket.leasing = false;
    if (!row || !row->at("rate")) {
        bucket.lease_at = now + again;
        if (bucket.leased && now >= bucket.until + length) {
            bucket.be_quiet();
        }
        return;
    }
    bool const begins = !bucket.leased;
    bucket.rate = number_of(*row, "rate");
    bucket.burst = number_of(*row, "burst");
    bucket.leased = true;
    bucket.tokens = begins ? bucket.burst : std::min(bucket.tokens, bucket.burst);
    bucket.until = bucket.lease_at = now + number_of(*row, "seconds");
    bucket.seen = 0;
    bucket.since = now;
    bucket.refused -= refused;
    bucket.retry_after = std::max(1, int(number_of(*row, "retry_after")));
}

}  // namespace gateway
