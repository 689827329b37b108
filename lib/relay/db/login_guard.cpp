#include "relay/db/login_guard.hpp"

#include "relay/db/interrupt.hpp"
#include "relay/model/error.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>

namespace relay::db {
namespace {

constexpr std::size_t header_size = 5;  // the type, and four bytes of length
constexpr std::uint32_t longest_message = 65'536;  // libpq refuses more than 30,000 bytes before the login is over
constexpr std::uint32_t ssl_request = 80'877'103;
constexpr std::uint32_t gss_request = 80'877'104;
constexpr std::size_t request_size = 8;

constexpr char authentication = 'R';
constexpr std::uint32_t login_is_over = 0;
constexpr std::uint32_t clear_password = 3;
constexpr std::uint32_t md5_password = 5;

/// The four bytes at `at`, the most significant first.
std::uint32_t number_at(std::string_view bytes, std::size_t at) {
    std::uint32_t number = 0;
    for (char const byte : bytes.substr(at, 4)) {
        number = number << 8U | static_cast<unsigned char>(byte);
    }
    return number;
}

bool would_block() { return errno == EAGAIN || errno == EINTR; }

[[noreturn]] void fail() {
    throw Error(ErrorKind::unavailable, "no file descriptor is left for the connection; nothing was changed",
                {.next = "try again with fewer open files (ulimit -n)"});
}

}  // namespace

bool LoginGuard::can_watch(PGconn const *connection) {
    sockaddr_storage peer{};
    socklen_t size = sizeof(peer);
    // Fails without a side effect while the socket is not connected; reading SO_ERROR would take libpq's error away.
    return PQsslInUse(const_cast<PGconn *>(connection)) == 0 &&
           getpeername(PQsocket(connection), reinterpret_cast<sockaddr *>(&peer), &size) == 0 &&
           (peer.ss_family == AF_INET || peer.ss_family == AF_INET6);
}

LoginGuard::LoginGuard(PGconn *connection) : m_connection(connection) {
    int const socket = PQsocket(connection);
    std::array<int, 2> pair{-1, -1};
    m_server = fcntl(socket, F_DUPFD_CLOEXEC, 0);
    if (m_server < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()) != 0) {
        close(m_server);
        fail();
    }
    m_libpq = pair[0];
    int const placed = dup3(pair[1], socket, O_CLOEXEC);
    close(pair[1]);
    if (placed < 0) {
        close(m_libpq);
        close(m_server);
        fail();
    }
}

LoginGuard::~LoginGuard() {
    close(m_libpq);
    close(m_server);
}

bool LoginGuard::wait(PostgresPollingStatusType wanted, Clock::time_point deadline) {
    for (;;) {
        take_from_libpq();
        send_to_server();
        if ((wanted == PGRES_POLLING_WRITING && m_out.empty()) || pass_on()) {
            return true;
        }
        auto const left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        if (left <= 0) {
            return false;
        }
        auto const events = static_cast<short>(POLLIN | (m_out.empty() ? 0 : POLLOUT));
        pollfd ready{.fd = m_server, .events = events, .revents = 0};
        poll(&ready, 1, static_cast<int>(std::min<long>(left, 60'000)));
        if (running::interrupted()) {
            throw Interrupted();
        }
    }
}

bool LoginGuard::is_over() {
    if (m_stage != Stage::ended) {
        return false;
    }
    int unread = 0;
    if (ioctl(PQsocket(m_connection), FIONREAD, &unread) != 0 || unread > 0) {
        return false;
    }
    take_from_libpq();  // TLS may have begun
    send_to_server();
    return m_out.empty() && dup3(m_server, PQsocket(m_connection), O_CLOEXEC) >= 0;
}

/// Takes what libpq has written. Its first bytes say whether the server's first byte is an answer about encryption.
void LoginGuard::take_from_libpq() {
    std::array<char, 4096> buffer{};
    for (;;) {
        ssize_t const count = recv(m_libpq, buffer.data(), buffer.size(), 0);
        if (count <= 0) {
            break;
        }
        std::string_view const bytes(buffer.data(), static_cast<std::size_t>(count));
        m_out.append(bytes);
        if (m_stage == Stage::opening && m_out.size() >= request_size) {
            std::uint32_t const code = number_at(m_out, 4);
            bool const asks = m_out.size() == request_size && (code == ssl_request || code == gss_request);
            m_stage = asks ? Stage::answer_to_encryption : Stage::messages;
        }
    }
}

void LoginGuard::send_to_server() {
    while (!m_out.empty()) {
        ssize_t const count = send(m_server, m_out.data(), m_out.size(), MSG_NOSIGNAL);
        if (count < 0) {
            if (!would_block()) {
                m_out.clear();  // the end of the connection is read next
            }
            return;
        }
        m_out.erase(0, static_cast<std::size_t>(count));
    }
}

/// Passes on the next that the server has sent. Returns true if there is something for libpq, or for our caller.
bool LoginGuard::pass_on() {
    switch (m_stage) {
        case Stage::answer_to_encryption: return pass_answer_to_encryption();
        case Stage::messages: return m_refused != UnsafePassword::none || pass_message();
        case Stage::opening: return false;  // libpq speaks first
        case Stage::ended: break;
    }
    return true;
}

bool LoginGuard::pass_answer_to_encryption() {
    char answer = '\0';
    ssize_t const count = recv(m_server, &answer, 1, 0);
    if (count <= 0) {
        return count == 0 || !would_block() ? end_of_server() : false;
    }
    switch (answer) {
        case 'S':
        case 'G': m_stage = Stage::ended; break;  // from here on the server is judged by libpq's TLS
        case 'N': m_stage = Stage::opening; break;
        default:
            m_message = answer;
            m_stage = Stage::messages;
            return pass_message();
    }
    return give_to_libpq(std::string_view(&answer, 1));
}

bool LoginGuard::pass_message() {
    std::array<char, 4096> buffer{};
    for (;;) {
        std::size_t const whole =
            m_message.size() < header_size ? header_size : std::size_t{1} + number_at(m_message, 1);
        if (m_message.size() >= header_size && (whole < header_size || whole > longest_message)) {
            give_to_libpq(m_message);  // no server of PostgreSQL: libpq says what it got
            return end_of_server();
        }
        if (m_message.size() == whole) {
            break;
        }
        ssize_t const count = recv(m_server, buffer.data(), std::min(buffer.size(), whole - m_message.size()), 0);
        if (count <= 0) {
            return count == 0 || !would_block() ? end_of_server() : false;
        }
        m_message.append(buffer.data(), static_cast<std::size_t>(count));
    }
    if (m_message.front() == authentication && m_message.size() >= header_size + 4) {
        std::uint32_t const request = number_at(m_message, header_size);
        if (request == clear_password || request == md5_password) {
            m_refused = request == clear_password ? UnsafePassword::clear : UnsafePassword::md5;
            return true;
        }
        m_stage = request == login_is_over ? Stage::ended : m_stage;
    }
    std::string const message = std::move(m_message);
    m_message.clear();
    return give_to_libpq(message);
}

bool LoginGuard::give_to_libpq(std::string_view bytes) {
    // A login's messages fit into the pair's buffer; if not, libpq sees the connection end.
    if (send(m_libpq, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size())) {
        return end_of_server();
    }
    return true;
}

/// Lets libpq see the end of the connection.
bool LoginGuard::end_of_server() {
    shutdown(m_libpq, SHUT_WR);
    return true;
}

}  // namespace relay::db
