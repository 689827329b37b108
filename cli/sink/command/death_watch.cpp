#include "cli/sink/command/death_watch.hpp"

#include "cli/sink/sink_error.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

namespace relay::cli {
namespace {

/// Runs in the child of a program that may have other threads, so it calls only async-signal-safe functions.
[[noreturn]] void keep_watch(int pipe) {
    ::setpgid(0, 0);  // Ctrl-C must not reach it
    std::array<pid_t, DeathWatch::most_groups> groups{};
    pid_t word = 0;
    ssize_t got = 0;
    while ((got = ::read(pipe, &word, sizeof word)) > 0 || (got < 0 && errno == EINTR)) {
        auto *const place = std::find(groups.begin(), groups.end(), word > 0 ? 0 : -word);
        if (got == static_cast<ssize_t>(sizeof word) && place != groups.end()) {
            *place = std::max(word, 0);
        }
    }
    for (pid_t const group : groups) {
        if (group > 0) {
            ::kill(-group, SIGKILL);
        }
    }
    ::_exit(0);
}

}  // namespace

DeathWatch::DeathWatch() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw sink_error("cannot start a process that watches the command", errno);
    }
    FileDescriptor const read_end(ends[0]);
    m_pipe = FileDescriptor(ends[1]);
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);  // our handlers must not run in the child
    m_watcher = ::fork();
    if (m_watcher == 0) {
        ::close(ends[1]);
        keep_watch(ends[0]);
    }
    auto const error_number = errno;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (m_watcher < 0) {
        throw sink_error("cannot start a process that watches the command", error_number);
    }
}

DeathWatch::~DeathWatch() {
    m_pipe.reset();
    while (::waitpid(m_watcher, nullptr, 0) < 0 && errno == EINTR) {}
}

void DeathWatch::tell(pid_t word) noexcept {
    while (::write(m_pipe.get(), &word, sizeof word) < 0 && errno == EINTR) {}
}

}  // namespace relay::cli
