#pragma once

#include "relay/db/conninfo.hpp"
#include "relay/db/libpq_message.hpp"
#include "relay/model/error.hpp"

#include <string>
#include <vector>

namespace relay::db {

/// Why a server, or a pooler in front of it, did not accept a connection, and what that means.
struct ConnectionFault {
    Attempt attempt{};
    ErrorKind kind = ErrorKind::unavailable;  ///< `unavailable`: it may pass, so a retry can help; nothing else may
    bool is_for_all_hosts = false;  ///< true: the other hosts of the connection string have the same answer
    std::string why{};
    Advice next{};
};

/// Returns the fault that one attempt to connect, or the end of an open connection, comes from.
///
/// One table has all of them: by SQLSTATE where the server or a pooler sent one, and by words where the code says too
/// little. PgBouncer uses 08P01 for almost everything (its objects.c and client.c), and libpq's own faults have no code
/// (fe-connect.c, fe-secure-openssl.c). Server messages can be in any language, so no rule needs words of a server.
ConnectionFault explain(Attempt const &attempt, Conninfo const &conninfo);

/// Returns the fault of libpq's whole message. If a host has several addresses, this is a fault that may pass, if there
/// is one.
ConnectionFault explain(std::string_view message, Conninfo const &conninfo);

/// Returns the error for the faults of all hosts that were tried. A retry can help if one fault may pass. Each host
/// that was asked is named if there is more than one. `unreachable_next` is the advice if no server answers.
Error connection_error(std::vector<ConnectionFault> const &faults, Conninfo const &conninfo,
                       Advice const &unreachable_next);

/// Returns the error for an open connection that broke after the server or pooler had sent `message` (verbose; empty:
/// it said nothing).
Error broken_connection(std::string_view message, Conninfo const &conninfo);

}  // namespace relay::db
