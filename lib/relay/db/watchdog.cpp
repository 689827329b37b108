#include "relay/db/watchdog.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>

namespace relay::db {
namespace {

constexpr auto between_looks = std::chrono::milliseconds(4);

}  // namespace

Watchdog::Watchdog() : m_memory_file(open("/proc/self/statm", O_RDONLY | O_CLOEXEC)) {}

Watchdog::~Watchdog() {
    if (m_thread.joinable()) {
        {
            std::lock_guard const lock(m_mutex);
            m_stop = true;
        }
        m_changed.notify_one();
        m_thread.join();
    }
    close(m_memory_file);
}

void Watchdog::arm(int socket, Clock::time_point deadline, std::size_t most_growth) {
    {
        std::lock_guard const lock(m_mutex);
        if (m_socket < 0) {
            m_before = memory();
            m_bark = Bark::none;
        }
        m_socket = m_bark == Bark::none ? socket : -1;
        m_deadline = deadline;
        m_most_growth = most_growth;
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

Watchdog::Bark Watchdog::bark() const noexcept {
    std::lock_guard const lock(m_mutex);
    return m_bark;
}

void Watchdog::watch() {
    std::unique_lock lock(m_mutex);
    while (!m_stop) {
        if (m_socket < 0) {
            m_changed.wait(lock);
            continue;
        }
        bool const late = Clock::now() >= m_deadline;
        std::size_t const now = memory();
        if (late || (now > m_before && now - m_before > m_most_growth)) {
            shutdown(m_socket, SHUT_RDWR);
            m_bark = late ? Bark::late : Bark::flooded;
            m_socket = -1;
        } else {
            m_changed.wait_until(lock, std::min(m_deadline, Clock::now() + between_looks));
        }
    }
}

/// Returns the bytes of memory that the process has now: the second number of /proc/self/statm, in pages. 0 without
/// /proc: then only the time is bounded.
std::size_t Watchdog::memory() const noexcept {
    std::array<char, 128> text{};
    ssize_t const size = pread(m_memory_file, text.data(), text.size(), 0);
    char const *const end = text.data() + std::max<ssize_t>(size, 0);
    char const *const at = std::find(text.data(), const_cast<char *>(end), ' ');
    std::size_t pages = 0;
    if (at != end) {
        std::from_chars(at + 1, end, pages);
    }
    return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace relay::db
