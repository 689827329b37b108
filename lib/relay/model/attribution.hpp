#pragma once

#include "relay/model/ids.hpp"
#include "relay/model/time.hpp"

#include <optional>
#include <string>

namespace relay {

/// Who asks for a change and why: kept with every auth_events row. The actor is claimed; the database role beside it is
/// proven.
struct Attribution {
    Note actor;
    std::optional<Note> reason{};
    std::optional<Note> ticket{};
    std::string trace_id{};  ///< 32 hexadecimal digits
};

/// What every changing use case takes besides its request.
struct WriteOptions {
    Attribution by;
    bool dry_run = false;  ///< the whole transaction, then ROLLBACK; no secret is made visible
};

/// What every result tells besides its content.
struct WriteReceipt {
    bool changed = false;
    Instant at{};  ///< the transaction's start, on the database's clock
    std::string db_role{};  ///< session_user
};

}  // namespace relay
