#include "quota.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace gateway {

namespace {

/// Only the database's clock counts, so it says in how many milliseconds the day ends.
constexpr auto take_sql =
    "SELECT granted, reason, remaining, to_char(resets_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS day,"
    " floor(extract(epoch FROM resets_at - clock_timestamp()) * 1000)::bigint AS milliseconds_left"
    " FROM relay_api.take($1, $2, $3::bigint, $4::bigint)";
constexpr auto refusal_counts_for = std::chrono::seconds(1);
constexpr auto give_back_sql = "SELECT relay_api.give_back($1, $2, $3::bigint, $4::timestamptz)";

using Key = std::pair<std::string, std::string>;  // organization and meter

/// What is left of the blocks of one organization and meter.
struct Block {
    std::int64_t left = 0;  ///< here
    std::optional<std::int64_t> remaining{};  ///< in the database when it was last asked; none: no limit
    std::string day{};  ///< when the day ends, as the database said it
    Clock::time_point until{};  ///< the same by the steady clock
    Clock::time_point used_at{};
    std::shared_future<void> asking{};  ///< the question that is under way
    std::int64_t refused = 0;  ///< the units that were refused last
    Clock::time_point refused_until{};  ///< until when that counts
};

Quota::Answer answer(Block const &block, std::string const &reason) {
    auto const left = std::chrono::ceil<std::chrono::seconds>(block.until - Clock::now());
    return {.ok = reason == "ok",
            .reason = reason,
            .remaining = block.remaining ? std::optional(*block.remaining + block.left) : std::nullopt,
            .retry_after = std::max(left, std::chrono::seconds(1)),
            .day = block.day};
}

}  // namespace

/// Has all that the thread needs, so that a thread that hangs may outlive Quota.
class Quota::Blocks {
  public:
    Blocks(Verifier::Query query, Options options) : m_query(std::move(query)), m_options(std::move(options)) {}

    Answer spend(Key const &key, std::int64_t amount);
    void give(Key const &key, std::int64_t amount, std::string const &day);
    void run();
    bool close(Clock::duration limit);

  private:
    std::optional<Answer> refill(Key const &key, std::int64_t amount, std::int64_t missing, std::promise<void> asking);
    std::int64_t size_of(std::string const &meter);
    void give_back_unused(Clock::time_point before);
    void give_back(Key const &key, std::int64_t amount, std::string const &day);

    Verifier::Query m_query;
    Options m_options;
    std::mutex m_mutex{};  ///< of what follows
    std::condition_variable m_wake{}, m_end{};
    std::map<Key, Block> m_blocks{};
    bool m_closed = false, m_ended = false;
};

Quota::Answer Quota::Blocks::spend(Key const &key, std::int64_t amount) {
    while (true) {
        std::unique_lock lock(m_mutex);
        Block &block = m_blocks[key];
        block.used_at = Clock::now();
        if (block.used_at >= block.until) {
            block.left = 0;  // of a day that is over
        }
        if (block.left >= amount) {
            block.left -= amount;
            return answer(block, "ok");
        }
        std::int64_t const missing = amount - block.left;
        if (missing >= block.refused && block.used_at < block.refused_until) {
            return answer(block, "over_quota");
        }
        if (block.asking.valid()) {
            auto const asking = block.asking;
            lock.unlock();
            asking.get();  // throws what that question threw; its answer may be that to this call, too
            continue;
        }
        std::promise<void> asking;
        block.asking = asking.get_future().share();
        lock.unlock();
        if (auto const said = refill(key, amount, missing, std::move(asking))) {
            return *said;
        }
    }
}

/// Takes the next block, of which `missing` units are needed, and spends `amount`, before another thread does. Returns
/// the answer, or none: others have spent what was left here, so ask again.
std::optional<Quota::Answer> Quota::Blocks::refill(Key const &key, std::int64_t amount, std::int64_t missing,
                                                   std::promise<void> asking) {
    auto const now = Clock::now();
    Row row;
    try {
        std::int64_t const size = std::max(size_of(key.second), missing);
        row = m_query(take_sql, {key.first, key.second, std::to_string(size), std::to_string(missing)}).at(0);
    } catch (...) {
        std::lock_guard const lock(m_mutex);
        m_blocks[key].asking = {};
        asking.set_exception(std::current_exception());
        throw;
    }
    std::lock_guard const lock(m_mutex);
    Block &block = m_blocks[key];
    block.asking = {};
    std::string const day = row.at("day").value();
    std::int64_t const granted = std::stoll(row.at("granted").value());
    block.left = granted + (day == block.day ? block.left : 0);
    block.day = day;
    block.until = now + std::chrono::milliseconds(std::stoll(row.at("milliseconds_left").value()));
    Value const &remaining = row.at("remaining");
    block.remaining = remaining ? std::optional<std::int64_t>(std::stoll(*remaining)) : std::nullopt;
    asking.set_value();
    if (granted == 0) {
        block.refused = missing;
        block.refused_until = std::min<Clock::time_point>(Clock::now() + refusal_counts_for, block.until);
        return answer(block, row.at("reason").value());
    }
    if (block.left < amount) {
        return std::nullopt;
    }
    block.left -= amount;
    return answer(block, "ok");
}

/// Returns the units of one take.
std::int64_t Quota::Blocks::size_of(std::string const &meter) {
    std::lock_guard const lock(m_mutex);
    auto const own = m_options.blocks.find(meter);
    return m_closed ? 0 : own == m_options.blocks.end() ? m_options.block : own->second;
}

void Quota::Blocks::give(Key const &key, std::int64_t amount, std::string const &day) {
    {
        std::lock_guard const lock(m_mutex);
        auto const found = m_blocks.find(key);
        if (found != m_blocks.end() && found->second.day == day) {
            found->second.left += amount;
            return;
        }
    }
    give_back(key, amount, day);
}

void Quota::Blocks::run() {
    for (bool closed = false; !closed;) {
        {
            std::unique_lock lock(m_mutex);
            closed = m_wake.wait_for(lock, m_options.idle / 4, [this] { return m_closed; });
        }
        give_back_unused(closed ? Clock::time_point::max() : Clock::now() - m_options.idle);
    }
    std::lock_guard const lock(m_mutex);
    m_ended = true;
    m_end.notify_all();
}

/// Gives back the blocks that no call has used since `before`.
void Quota::Blocks::give_back_unused(Clock::time_point before) {
    std::map<Key, Block> unused;
    {
        std::lock_guard const lock(m_mutex);
        for (auto one = m_blocks.begin(); one != m_blocks.end();) {
            auto const next = std::next(one);
            if (one->second.used_at < before && !one->second.asking.valid()) {
                unused.insert(m_blocks.extract(one));
            }
            one = next;
        }
    }
    for (auto const &[key, block] : unused) {
        if (block.left > 0 && Clock::now() < block.until) {
            give_back(key, block.left, block.day);
        }
    }
}

/// Throws nothing, because the gateway must not end.
void Quota::Blocks::give_back(Key const &key, std::int64_t amount, std::string const &day) {
    std::string error = "unknown";
    try {
        m_query(give_back_sql, {key.first, key.second, std::to_string(amount), day});
        return;
    } catch (std::exception const &thrown) {
        error = thrown.what();
    } catch (...) {}
    try {
        if (m_options.on_error) {
            m_options.on_error(error);
        }
    } catch (...) {}
}

/// Returns whether the thread has ended.
bool Quota::Blocks::close(Clock::duration limit) {
    std::unique_lock lock(m_mutex);
    m_closed = true;
    m_wake.notify_all();
    m_end.wait_for(lock, limit, [this] { return m_ended; });
    return m_ended;
}

Quota::Quota(Verifier::Query query, Options options)
    : m_blocks(std::make_shared<Blocks>(std::move(query), std::move(options))),
      m_thread([blocks = m_blocks] { blocks->run(); }) {}

Quota::Answer Quota::spend(std::string const &org_id, std::string const &meter, std::int64_t amount) {
    return m_blocks->spend({org_id, meter}, amount);
}

void Quota::give(std::string const &org_id, std::string const &meter, std::int64_t amount, std::string const &day) {
    m_blocks->give({org_id, meter}, amount, day);
}

void Quota::close(Clock::duration limit) {
    if (m_thread.joinable()) {
        m_blocks->close(limit) ? m_thread.join() : m_thread.detach();
    }
}

}  // namespace gateway
