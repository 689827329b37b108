#pragma once

#include "relay/model/ids.hpp"
#include "relay/model/time.hpp"

#include <optional>
#include <string>

namespace relay {

/// The person or job that asks for a change, and the reason: stored in every auth_events row. The actor is only a claim; the database role that
/// is stored with it is authenticated by the database.
struct Attribution {
    Note actor;
    std::optional<Note> reason{};
    std::optional<Note> ticket{};
    std::string trace_id{};  ///< 32 hexadecimal digits
};

/// What every use case that changes something takes besides its request.
struct WriteOptions {
    Attribution by;
    bool dry_run = false;  ///< run the whole transaction, then ROLLBACK; no secret becomes visible
};

/// What the result of every such use case has besides its content.
struct WriteReceipt {
    bool changed = false;
    Instant at{};  ///< the transaction's start, by the database's clock
    std::string db_role{};  ///< session_user
};

}  // namespace relay
