#pragma once

#include "relay/db/database.hpp"
#include "relay/identity/records.hpp"

#include <chrono>

namespace relay {

/// What can be waited for.
enum class KeyGoal {
    used,  ///< a gateway has accepted the key
    retired,  ///< the key has ended: retired, revoked or expired
};

template <>
struct EnumText<KeyGoal> {
    static constexpr auto words =
        std::to_array<EnumWord<KeyGoal>>({{KeyGoal::used, "used"}, {KeyGoal::retired, "retired"}});
};

struct KeyWait {
    Key key;
    bool reached = false;  ///< false: the patience ended first
    std::chrono::seconds waited{};
    Instant at{};
    std::string db_role{};
};

/// Reads the key again and again until the goal is reached, for at most `patience`. No transaction is open in between.
/// Throws Error: not_found, no such key; conflict, the key has ended without a use, so that it can never be used.
/// Throws Interrupted.
KeyWait wait_for_key(db::Database &database, KeyId const &key, KeyGoal goal, std::chrono::seconds patience);

}  // namespace relay
