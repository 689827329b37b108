#include "relay/db/interrupt.hpp"

#include "relay/db/database.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <atomic>

namespace relay::db {
namespace {

std::atomic<int> open_socket{-1};
std::atomic<bool> is_open{false};
std::atomic<bool> was_interrupted{false};
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

}  // namespace

namespace running {

Open opened(int socket) noexcept {
    Open const before{.socket = open_socket, .is_open = is_open};
    open_socket = socket;
    is_open = true;
    return before;
}

void commit_sent() noexcept { open_socket = -1; }

void closed(Open const &before) noexcept {
    open_socket = before.socket;
    is_open = before.is_open;
}

bool interrupted() noexcept { return was_interrupted; }

}  // namespace running

void interrupt() noexcept {
    was_interrupted = true;
    // libpq waits in poll() and continues after a signal, but shutting the socket down ends the wait. If this happens
    // just before COMMIT is sent, the fence settles the outcome.
    int const socket = open_socket;
    if (socket >= 0) {
        shutdown(socket, SHUT_RDWR);
    }
}

bool in_transaction() noexcept { return is_open; }

void pause(std::chrono::milliseconds length) {
    running::opened(-1);
    if (!running::interrupted()) {
        ::poll(nullptr, 0, static_cast<int>(length.count()));  // unlike sleep_for, not resumed after a signal
    }
    running::closed();
    if (running::interrupted()) {
        throw Interrupted();
    }
}

}  // namespace relay::db
