#include "relay/db/connect.hpp"

#include "relay/db/conninfo_checks.hpp"
#include "relay/db/interrupt.hpp"
#include "relay/db/sqlstate.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <poll.h>
#include <algorithm>
#include <cerrno>

namespace relay::db {
namespace {

using Clock = Watchdog::Clock;

/// Returns the first line, without libpq's preamble (`connection to server at "x", port 1 failed: `) and the
/// SQLSTATE.
std::string reason_of(std::string_view message, std::string const &sqlstate) {
    std::string_view line = message.substr(0, message.find('\n'));
    auto const cut_after = [&](std::string_view preamble) {
        if (auto const at = line.find(preamble); !preamble.empty() && at != std::string_view::npos) {
            line.remove_prefix(at + preamble.size());
        }
    };
    cut_after(" failed: ");
    cut_after(sqlstate);
    line.remove_prefix(std::min(line.find_first_not_of(": "), line.size()));
    return escape_for_terminal(line);
}

[[noreturn]] void fail(Conninfo const &conninfo, Settings const &settings, std::string const &message) {
    std::string const sqlstate = find_sqlstate(message);
    std::string const reason = reason_of(message, sqlstate);
    std::string const unreachable =
        "cannot reach the database " + conninfo.target + ": " + reason + "; nothing was changed";
    auto const says = [&](std::string_view words) { return message.find(words) != std::string::npos; };
    if (sqlstate.starts_with("28") || says("no password supplied")) {
        throw Error(ErrorKind::denied, "the database " + conninfo.target + " refused the login: " + reason,
                    {.next = advise(Act::check_login), .sqlstate = sqlstate});
    }
    if (sqlstate == "3D000") {
        throw Error(ErrorKind::unavailable, unreachable, {.next = create_database_first(), .sqlstate = sqlstate});
    }
    if (says("certificate") || says("SSL")) {
        throw Error(ErrorKind::unavailable, unreachable,
                    {.why = "over TCP to another host, the server must prove its identity (sslmode=verify-full)",
                     .next = "put its CA's certificate in ~/.postgresql/root.crt, or give it with sslrootcert= "
                             "(sslmode=require checks less)"});
    }
    throw Error(ErrorKind::unavailable, unreachable,
                {.next = sqlstate.empty() ? settings.unreachable_next : Advice("try again"), .sqlstate = sqlstate});
}

/// Refuses settings that libpq checks only when it connects: a missing service, an invalid sslmode.
void refuse_bad_settings(Settings const &settings, std::string_view message) {
    if (std::string const complaint = complaint_about_settings(message); !complaint.empty()) {
        std::string const origin = settings.origin.empty() ? "" : " from " + settings.origin;
        throw Error(ErrorKind::usage, "a setting of the connection is not valid: " + complaint + " (text withheld)",
                    {.next = "check the connection string" + origin + ", the PG* variables and the service file"});
    }
}

[[noreturn]] void fail_silent(Conninfo const &conninfo, Settings const &settings) {
    fail(conninfo, settings, "no answer within " + std::to_string(settings.timeout.count()) + " ms");
}

}  // namespace

bool wait_for_socket(PGconn *connection, PostgresPollingStatusType wanted, Clock::time_point deadline) {
    for (;;) {
        auto const left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        if (left <= 0) {
            return false;
        }
        pollfd ready{.fd = PQsocket(connection),
                     .events = static_cast<short>(wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT),
                     .revents = 0};
        int const count = poll(&ready, 1, static_cast<int>(std::min<long>(left, 60'000)));
        if (count > 0) {
            return true;
        }
        if (running::interrupted()) {
            throw Interrupted();
        }
        if (count < 0 && errno != EINTR) {
            return true;  // libpq will report what is wrong with the socket
        }
    }
}

RawConnection connect_without_blocking(Conninfo const &conninfo, Settings const &settings, Clock::time_point deadline) {
    RawConnection connection(PQconnectStart(conninfo.text.c_str()));
    if (!connection) {
        throw std::bad_alloc();
    }
    if (PQstatus(connection.get()) == CONNECTION_BAD) {
        refuse_bad_settings(settings, PQerrorMessage(connection.get()));
    }
    PQsetErrorVerbosity(connection.get(), PQERRORS_VERBOSE);  // so that messages have the SQLSTATE: see find_sqlstate
    auto wanted = PQstatus(connection.get()) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
    while (wanted != PGRES_POLLING_OK) {
        if (wanted == PGRES_POLLING_FAILED) {
            fail(conninfo, settings, PQerrorMessage(connection.get()));
        }
        if (!wait_for_socket(connection.get(), wanted, deadline)) {
            fail_silent(conninfo, settings);
        }
        wanted = PQconnectPoll(connection.get());
    }
    return connection;
}

RawConnection connect(Conninfo const &conninfo, Settings const &settings, Clock::time_point deadline) {
    if (Clock::now() >= deadline) {
        fail_silent(conninfo, settings);
    }
    if (conninfo.hosts == 1) {
        return connect_without_blocking(conninfo, settings, deadline);
    }
    // libpq goes from one host to the next itself, but only its blocking call has a time-out for each host.
    RawConnection connection(PQconnectdb(conninfo.text.c_str()));
    PQsetErrorVerbosity(connection.get(), PQERRORS_VERBOSE);
    if (PQstatus(connection.get()) != CONNECTION_OK) {
        refuse_bad_settings(settings, PQerrorMessage(connection.get()));
        fail(conninfo, settings, PQerrorMessage(connection.get()));
    }
    return connection;
}

}  // namespace relay::db
