#include "relay/policy/wait_for_key.hpp"

#include "relay/identity/keys_sql.hpp"
#include "relay/identity/reported_uses.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/model/error.hpp"
#include "relay/model/format_text.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace relay {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds first_pause = 100ms;
constexpr milliseconds longest_pause = 2s;

bool has_ended(Key const &key) {
    return key.status == KeyStatus::retired || key.status == KeyStatus::revoked || key.status == KeyStatus::expired;
}

/// Returns true if no report of a use before the end is to come any more. Gateways report uses some seconds later.
bool is_settled(KeyWait const &found) {
    Key const &key = found.key;
    Instant ended = found.at;
    for (std::optional<Instant> const &end : {key.retired_at, key.revoked_at, key.expires_at}) {
        ended = std::min(ended, end.value_or(ended));
    }
    return has_ended(key) && found.at - ended >= report_delay;
}

/// The command that delivers a key may try it, so the use of a key that was staged counts from the end of the delivery on.
bool was_used(Key const &key) {
    return key.last_used_at && (!key.deliver_until || *key.last_used_at >= *key.deliver_until);
}

bool is_reached(Key const &key, KeyGoal goal) { return goal == KeyGoal::used ? was_used(key) : has_ended(key); }

KeyWait read(db::Database &database, KeyId const &id) {
    return database.transact(reading(), [&](db::Transaction &transaction) {
        KeyWait found{.key = sql::get_key(transaction, id)};
        found.at = transaction.now();
        found.db_role = transaction.db_role();
        return found;
    });
}

}  // namespace

KeyWait wait_for_key(db::Database &database, KeyId const &key, KeyGoal goal, std::chrono::seconds patience) {
    auto const start = Clock::now();
    for (milliseconds pause = first_pause;; pause = std::min(pause * 2, longest_pause)) {
        KeyWait found = read(database, key);
        auto const passed = std::chrono::duration_cast<milliseconds>(Clock::now() - start);
        found.reached = is_reached(found.key, goal);
        found.waited = std::chrono::floor<std::chrono::seconds>(passed);
        if (!found.reached && goal == KeyGoal::used && is_settled(found)) {
            throw Error(ErrorKind::conflict,
                        fmt::format("key {} is {} and was never used, so it never will be", key, found.key.status),
                        {.next = advise(Act::show_agent, found.key.agent_id)});
        }
        if (found.reached || passed >= patience) {
            return found;
        }
        db::pause(std::clamp(patience - passed, milliseconds(1), pause));
    }
}

}  // namespace relay
