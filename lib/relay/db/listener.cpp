#include "relay/db/listener.hpp"

#include "relay/db/connect.hpp"
#include "relay/db/libpq_result.hpp"
#include "relay/db/unexpected_answer.hpp"
#include "relay/model/error.hpp"

#include <cstring>
#include <thread>

namespace relay::db {
namespace {

using Clock = Watchdog::Clock;

/// How long it may take to read what is there.
constexpr auto patience_to_read = std::chrono::seconds(10);

Error lost() {
    return {ErrorKind::unavailable, "the connection to the database broke; nothing was changed", {.next = "try again"}};
}

/// Returns false on a standby, which refuses LISTEN, and through a transaction pooler, which accepts it but delivers
/// no notifications. A pooler is recognized by the process id that it invents.
bool can_listen(PGconn *connection) {
    Result const result(PQexec(connection, "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.pg_backend_pid()"));
    if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) {
        throw lost();
    }
    if (PQntuples(result.get()) != 1 || PQnfields(result.get()) != 2) {
        throw unexpected_answer("another number of rows or columns");
    }
    return std::strcmp(PQgetvalue(result.get(), 0, 0), "f") == 0 &&
           std::to_string(PQbackendPID(connection)) == PQgetvalue(result.get(), 0, 1);
}

}  // namespace

struct Listener::Impl {
    Watchdog watchdog{};
    RawConnection connection{};  // none: no notification can reach us

    Error failure() const { return watchdog.bark() == Watchdog::Bark::flooded ? endless_answer() : lost(); }

    bool take_notifications() {
        Disarming const disarming(watchdog);
        watchdog.arm(PQsocket(connection.get()), Clock::now() + patience_to_read);
        if (PQconsumeInput(connection.get()) == 0) {
            throw failure();
        }
        bool any = false;
        while (PGnotify *const notification = PQnotifies(connection.get())) {
            PQfreemem(notification);
            any = true;
        }
        return any;
    }
};

Listener::Listener(Conninfo const &conninfo, Settings const &settings, char const *channel)
    : m_impl(std::make_unique<Impl>()) {
    auto const deadline = Clock::now() + settings.timeout;
    Watchdog &watchdog = m_impl->watchdog;
    RawConnection connection = connect(conninfo, settings, deadline, watchdog);
    Disarming const disarming(watchdog);
    watchdog.arm(PQsocket(connection.get()), deadline);
    if (can_listen(connection.get())) {
        Result const result(PQexec(connection.get(), ("LISTEN " + std::string(channel)).c_str()));
        if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) {
            throw m_impl->failure();
        }
        m_impl->connection = std::move(connection);
    }
}

Listener::~Listener() = default;

bool Listener::hears() const noexcept { return m_impl->connection != nullptr; }

bool Listener::wait(std::chrono::milliseconds patience) {
    if (!hears()) {
        std::this_thread::sleep_for(patience);
        return false;
    }
    auto const deadline = Clock::now() + patience;
    while (!m_impl->take_notifications()) {
        if (!wait_for_socket(m_impl->connection.get(), PGRES_POLLING_READING, deadline)) {
            return false;
        }
    }
    return true;
}

}  // namespace relay::db
