#include "cli/sink/command/death_watch.hpp"

#include "cli/sink/sink_error.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

namespace relay::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Groups = std::array<pid_t, DeathWatch::most_groups>;

void kill_all(Groups const &groups) {
    for (pid_t const group : groups) {
        if (group > 0) {
            ::kill(-group, SIGKILL);
        }
    }
}

/// Waits for a word from the program, or for its end, or for the deadline. Returns whether the deadline has passed.
bool wait_until_deadline(int pipe, std::optional<Clock::time_point> const &deadline) {
    using std::chrono::milliseconds;
    if (!deadline) {
        return false;
    }
    auto const left = std::chrono::ceil<milliseconds>(*deadline - Clock::now());
    pollfd watched{.fd = pipe, .events = POLLIN, .revents = 0};
    return left <= milliseconds(0) || ::poll(&watched, 1, static_cast<int>(left.count())) == 0;
}

/// Runs in the child of a program that may have other threads, so it calls only async-signal-safe functions.
[[noreturn]] void keep_watch(int pipe, std::optional<Clock::time_point> const &deadline) {
    ::setpgid(0, 0);  // Ctrl-C must not reach it
    Groups groups{};
    bool has_ended = false;
    pid_t word = 0;
    while (true) {
        if (!has_ended && wait_until_deadline(pipe, deadline)) {
            kill_all(groups);
            has_ended = true;
        }
        ssize_t const got = ::read(pipe, &word, sizeof word);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            break;
        }
        auto *const place = std::find(groups.begin(), groups.end(), word > 0 ? 0 : -word);
        if (got == static_cast<ssize_t>(sizeof word) && place != groups.end()) {
            *place = std::max(word, 0);
        }
        if (has_ended) {
            kill_all(groups);
        }
    }
    kill_all(groups);
    ::_exit(0);
}

}  // namespace

DeathWatch::DeathWatch(std::optional<Clock::time_point> deadline) {
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
        keep_watch(ends[0], deadline);
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
