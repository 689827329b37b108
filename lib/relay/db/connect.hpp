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

/// Connects by `deadline`. Throws Error: unavailable, if a retry can help; denied or usage, if it cannot (see
/// ConnectionFault). Its text is ours, or libpq's for a well-formed conninfo, which contains no password. Each of
/// several hosts gets its part of the time.
///
/// A password goes only to a server that has proved its identity: in clear or as MD5 only through TLS or a unix socket,
/// else by SCRAM (see LoginGuard). With `sslmode=require`, `prefer` or `allow` set explicitly, TLS proves nothing.
/// libpq prints nothing: a password file that it would warn of is left out, and notices are ignored.
/// `watchdog` bounds what the server sends during the login; afterwards it is disarmed.
RawConnection connect(Conninfo const &conninfo, Settings const &settings, Watchdog::Clock::time_point deadline,
                      Watchdog &watchdog);

/// Waits until the connection's socket is ready for the next step of libpq. Returns false at the deadline. Throws
/// Interrupted.
bool wait_for_socket(PGconn *connection, PostgresPollingStatusType wanted, Watchdog::Clock::time_point deadline);

}  // namespace relay::db
