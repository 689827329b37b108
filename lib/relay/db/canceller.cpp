#include "relay/db/canceller.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <future>
#include <thread>

namespace relay::db {
namespace {

constexpr auto patience = std::chrono::seconds(1);

void send_cancel(PGcancel *handle) {
    std::array<char, 256> complaint{};
    PQcancel(handle, complaint.data(), static_cast<int>(complaint.size()));
}

}  // namespace

Canceller::Canceller(PGconn *connection) : m_handle(PQgetCancel(connection), PQfreeCancel) {}

void Canceller::cancel() const noexcept {
    try {
        std::packaged_task<void()> task([handle = m_handle] { send_cancel(handle.get()); });
        std::future<void> const sent = task.get_future();
        // Leave signals to the main thread.
        sigset_t all;
        sigset_t before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        std::thread thread(std::move(task));
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        thread.detach();
        sent.wait_for(patience);
    } catch (...) {
        // No memory or no thread: the server notices later.
    }
}

}  // namespace relay::db
