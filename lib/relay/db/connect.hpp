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

/// Connects by `deadline`. Throws Error: unavailable, denied; its text is ours or what libpq says of a well-formed conninfo, which holds no password.
RawConnection connect(Conninfo const &conninfo, Settings const &settings, Watchdog::Clock::time_point deadline);

/// The same, but several hosts share the one deadline, so that a silent first host leaves no time for the next.
RawConnection connect_without_blocking(Conninfo const &conninfo, Settings const &settings,
                                       Watchdog::Clock::time_point deadline);

/// Waits until the connection's socket is ready for what libpq wants; false at the deadline. Throws Interrupted.
bool wait_for_socket(PGconn *connection, PostgresPollingStatusType wanted, Watchdog::Clock::time_point deadline);

}  // namespace relay::db
