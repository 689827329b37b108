#pragma once

#include "relay/db/conninfo.hpp"
#include "relay/db/watchdog.hpp"

#include <libpq-fe.h>
#include <memory>

namespace relay::db {

struct FinishConnection {
    void operator()(PGconn *connection) const { PQfinish(connection); }
};
using RawConnection = std::unique_ptr<PGconn, FinishConnection>;

/// Connects by `deadline`. Throws Error: unavailable, denied. Its text is ours, or libpq's for a well-formed
/// conninfo, which contains no password.
RawConnection connect(Conninfo const &conninfo, Settings const &settings, Watchdog::Clock::time_point deadline);

/// The same, but several hosts share one deadline: a first host that does not answer leaves no time for the next.
RawConnection connect_without_blocking(Conninfo const &conninfo, Settings const &settings,
                                       Watchdog::Clock::time_point deadline);

/// Waits until the connection's socket is ready for what libpq wants to do. Returns false at the deadline. Throws
/// Interrupted.
bool wait_for_socket(PGconn *connection, PostgresPollingStatusType wanted, Watchdog::Clock::time_point deadline);

}  // namespace relay::db
