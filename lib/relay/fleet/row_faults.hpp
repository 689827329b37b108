#pragma once

#include "relay/db/batches.hpp"
#include "relay/model/error.hpp"

namespace relay {

/// Returns true if the error is about one agent, so that others may succeed: its state, its limit, a lock of another
/// session on its rows, or a value that the database refuses.
inline bool is_about_one_agent(Error const &error) {
    constexpr auto lock_not_available = "55P03";
    return error.kind() == ErrorKind::conflict || error.kind() == ErrorKind::not_found ||
           error.kind() == ErrorKind::limit || error.hint().sqlstate == lock_not_available || is_refusal_of_rows(error);
}

}  // namespace relay
