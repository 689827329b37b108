#include "relay/db/connect.hpp"

#include "relay/db/bad_settings.hpp"
#include "relay/db/connection_fault.hpp"
#include "relay/db/interrupt.hpp"
#include "relay/db/login_guard.hpp"
#include "relay/db/password_file.hpp"
#include "relay/db/unexpected_answer.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <algorithm>
#include <cerrno>
#include <optional>

namespace relay::db {
namespace {

using Clock = Watchdog::Clock;

/// A host did not accept the connection. Another one may.
class Refused : public Error {
  public:
    Refused(ConnectionFault fault, Conninfo const &conninfo, Settings const &settings)
        : Error(connection_error({fault}, conninfo, settings.unreachable_next)), m_fault(std::move(fault)) {}
    ConnectionFault const &fault() const noexcept { return m_fault; }

  private:
    ConnectionFault m_fault;
};

[[noreturn]] void fail_silent(Conninfo const &conninfo, Settings const &settings) {
    Attempt const silence{.words = "no answer within " + std::to_string(settings.timeout.count()) + " ms"};
    throw Refused(explain(silence, conninfo), conninfo, settings);
}

[[noreturn]] void refuse_password(Conninfo const &conninfo, UnsafePassword how) {
    std::string_view const form = how == UnsafePassword::md5 ? "as MD5" : "in clear text";
    throw Error(
        ErrorKind::denied,
        fmt::format("the database {} asks for the password {} without proving its identity by TLS; the "
                    "password was not sent, nothing was changed",
                    conninfo.target, form),
        {.why = "any program that listens on that port would get the password",
         .next = Advice("use SCRAM on the server: scram-sha-256 in pg_hba.conf, and a new password for the role")
                     .also("connect with sslmode=verify-full, or over the server's unix socket")});
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

namespace {

/// Refuses a server with which libpqxx does not work: one that is very old, or something else that speaks the protocol,
/// such as a pooler's console.
void require_postgresql(PGconn *connection, Conninfo const &conninfo, Settings const &settings) {
    constexpr int newest_refused = 90'000;
    if (PQserverVersion(connection) > newest_refused) {
        return;
    }
    constexpr std::size_t longest_shown = 40;
    char const *const version = PQparameterStatus(connection, "server_version");
    Attempt const attempt{.words =
                              "it is not PostgreSQL 13 or newer: " +
                              (version == nullptr ? "it does not report its version"
                                                  : "its version is " + std::string(version).substr(0, longest_shown))};
    throw Refused(explain(attempt, conninfo), conninfo, settings);
}

/// Connects to the one host in `text`, or to the first of its addresses that answers.
RawConnection connect_to(std::string const &text, Conninfo const &conninfo, Settings const &settings,
                         Clock::time_point deadline, Watchdog &watchdog) {
    RawConnection connection(PQconnectStart(text.c_str()));
    PGconn *const raw = connection.get();
    if (raw == nullptr) {
        throw std::bad_alloc();
    }
    // libpq's own receiver prints the server's notices to stderr, also those of the login.
    PQsetNoticeReceiver(
        raw, [](void *, PGresult const *) {}, nullptr);
    if (PQstatus(raw) == CONNECTION_BAD) {
        refuse_bad_settings(PQerrorMessage(raw), settings);
    }
    PQsetErrorVerbosity(raw, PQERRORS_VERBOSE);  // so that messages have the SQLSTATE: see find_sqlstate
    Disarming const disarming(watchdog);
    std::optional<LoginGuard> guard;
    auto wanted = PQstatus(raw) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
    while (wanted != PGRES_POLLING_OK) {
        watchdog.arm(PQsocket(raw), deadline);
        if (wanted == PGRES_POLLING_FAILED) {
            if (watchdog.bark() == Watchdog::Bark::flooded) {
                throw endless_answer();
            }
            if (watchdog.bark() == Watchdog::Bark::late) {
                fail_silent(conninfo, settings);
            }
            throw Refused(explain(std::string_view(PQerrorMessage(raw)), conninfo), conninfo, settings);
        }
        if (!(guard ? guard->wait(wanted, deadline) : wait_for_socket(raw, wanted, deadline))) {
            fail_silent(conninfo, settings);
        }
        if (guard && guard->refused() != UnsafePassword::none) {
            refuse_password(conninfo, guard->refused());
        }
        if (!guard && PQstatus(raw) == CONNECTION_STARTED && LoginGuard::can_watch(raw)) {
            guard.emplace(raw);
        }
        wanted = PQconnectPoll(raw);
        // Started again: libpq has closed the socket, and tries another address, or does without encryption.
        if (guard && (PQstatus(raw) == CONNECTION_STARTED || guard->is_over())) {
            guard.reset();
        }
    }
    require_postgresql(raw, conninfo, settings);
    return connection;
}

/// Connects to a server on this machine for which no sslmode is set. libpq would accept TLS with any certificate, and
/// then give the password to anyone. So try first without TLS, where the guard watches. If the server insists on TLS,
/// use a login that proves that server and certificate belong together, and at last one without a password.
RawConnection connect_nearby(std::string const &text, Conninfo const &conninfo, Settings const &settings,
                             Clock::time_point deadline, Watchdog &watchdog) {
    auto const attempt = [&](std::string_view mode) {
        return connect_to(fmt::format("{} {}", text, mode), conninfo, settings, deadline, watchdog);
    };
    std::optional<Refused> refusal;
    for (std::string_view const mode : {"sslmode='disable'", "sslmode='require' channel_binding='require'"}) {
        try {
            return attempt(mode);
        } catch (Refused const &error) {
            // pg_hba.conf refuses with 28000, and other causes do, too.
            bool const may_insist = refusal ? error.hint().sqlstate.empty() : error.hint().sqlstate == "28000";
            if (!may_insist) {
                throw;
            }
            refusal = refusal ? refusal : error;
        }
    }
    try {
        return attempt(fmt::format("sslmode='require' password='' passfile='{}'", no_password_file));
    } catch (Refused const &error) {
        if (error.kind() == ErrorKind::denied && error.hint().sqlstate.empty()) {
            refuse_password(conninfo, UnsafePassword::clear);  // it asks for one, and SCRAM failed above
        }
    }
    throw *refusal;
}

RawConnection connect_to_host(std::string text, Conninfo const &conninfo, Settings const &settings,
                              Clock::time_point deadline, Watchdog &watchdog) {
    if (find_password_file_fault(conninfo.passfile) != PasswordFileFault::none) {
        text += fmt::format(" passfile='{}'", no_password_file);
    }
    return conninfo.mode_is_free ? connect_nearby(text, conninfo, settings, deadline, watchdog)
                                 : connect_to(text, conninfo, settings, deadline, watchdog);
}

}  // namespace

RawConnection connect(Conninfo const &conninfo, Settings const &settings, Clock::time_point deadline,
                      Watchdog &watchdog) {
    if (Clock::now() >= deadline) {
        fail_silent(conninfo, settings);
    }
    if (conninfo.each_host.empty()) {
        return connect_to_host(conninfo.text, conninfo, settings, deadline, watchdog);
    }
    // libpq has a time-out for each host only in its blocking call, which nothing can watch.
    std::vector<ConnectionFault> faults;
    auto left = static_cast<int>(conninfo.each_host.size());
    for (HostConninfo const &host : conninfo.each_host) {
        auto const now = Clock::now();
        try {
            return connect_to_host(host.text, conninfo, settings, now + (deadline - now) / left--, watchdog);
        } catch (Refused const &refused) {
            faults.push_back(refused.fault());
            if (faults.back().attempt.place.empty()) {
                faults.back().attempt.place = host.place;
            }
            if (faults.back().is_for_all_hosts) {
                throw connection_error({faults.back()}, conninfo, settings.unreachable_next);
            }
        }
    }
    throw connection_error(faults, conninfo, settings.unreachable_next);
}

}  // namespace relay::db
