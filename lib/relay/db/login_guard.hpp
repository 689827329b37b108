#pragma once

#include "relay/db/watchdog.hpp"

#include <libpq-fe.h>
#include <sys/types.h>
#include <cstdint>
#include <string>
#include <string_view>

namespace relay::db {

/// How a server asked for a password that must not go to it.
enum class UnsafePassword : std::uint8_t { none, clear, md5 };

/// Watches the login over an unencrypted TCP connection, and ends it before a password leaves in clear or as MD5.
///
/// libpq gives the password in whatever form the server asks for (`require_auth` came with libpq 16). So anyone who
/// listens on the port of a server that is down would get it. SCRAM reveals nothing, whoever asks.
///
/// How: one end of a socket pair takes the place of the connected socket (dup2), and the guard passes the messages on
/// between the two, the server's one by one. libpq therefore cannot read a request that the guard has not seen. When
/// the login is over, or TLS begins, libpq gets its socket back. Messages: PostgreSQL manual, "Message Formats".
class LoginGuard {
  public:
    using Clock = Watchdog::Clock;

    /// True if libpq's socket is a TCP socket that is connected. Before that there is nothing to watch.
    static bool can_watch(PGconn const *connection);

    /// Takes the place of the socket. `connection` must outlive the guard.
    explicit LoginGuard(PGconn *connection);
    ~LoginGuard();
    LoginGuard(LoginGuard const &) = delete;
    LoginGuard &operator=(LoginGuard const &) = delete;

    /// Passes messages on until libpq can continue with PQconnectPoll. Returns false at the deadline. Throws Interrupted.
    bool wait(PostgresPollingStatusType wanted, Clock::time_point deadline);

    /// To be called after each PQconnectPoll. Returns true if libpq has its socket back: the guard has ended.
    bool is_over();

    /// Not none: the login must end here. `wait` has returned, and libpq has not seen the request.
    UnsafePassword refused() const noexcept { return m_refused; }

  private:
    enum class Stage : std::uint8_t { opening, answer_to_encryption, messages, ended };

    void take_from_libpq();
    void send_to_server();
    bool pass_on();
    bool pass_answer_to_encryption();
    bool pass_message();
    bool give_to_libpq(std::string_view bytes);
    bool end_of_server();

    PGconn *m_connection;
    int m_server = -1;  ///< the real socket
    int m_libpq = -1;  ///< our end of the pair; libpq has the other
    Stage m_stage = Stage::opening;
    std::string m_out{};  ///< from libpq, on its way to the server
    std::string m_message{};  ///< from the server, not yet whole
    UnsafePassword m_refused = UnsafePassword::none;
};

}  // namespace relay::db
