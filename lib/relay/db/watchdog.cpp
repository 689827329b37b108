#include "relay/db/watchdog.hpp"

#include <sys/socket.h>
#include <csignal>

namespace relay::db {

Watchdog::~Watchdog() {
    if (m_thread.joinable()) {
        {
            std::lock_guard const lock(m_mutex);
            m_stop = true;
        }
        m_changed.notify_one();
        m_thread.join();
    }
}

void Watchdog::arm(int socket, Clock::time_point deadline) {
    {
        std::lock_guard const lock(m_mutex);
        m_socket = socket;
        m_deadline = deadline;
        m_barked = false;
    }
    if (m_thread.joinable()) {
        m_changed.notify_one();
        return;
    }
    // Leave signals to the main thread, where they end a prompt or a wait.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    m_thread = std::thread([this] { watch(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Watchdog::disarm() noexcept {
    std::lock_guard const lock(m_mutex);
    m_socket = -1;
}

bool Watchdog::barked() const noexcept {
    std::lock_guard const lock(m_mutex);
    return m_barked;
}

void Watchdog::watch() {
    std::unique_lock lock(m_mutex);
    while (!m_stop) {
        if (m_socket < 0) {
            m_changed.wait(lock);
        } else if (Clock::now() >= m_deadline) {
            shutdown(m_socket, SHUT_RDWR);
            m_barked = true;
            m_socket = -1;
        } else {
            m_changed.wait_until(lock, m_deadline);
        }
    }
}

}  // namespace relay::db
