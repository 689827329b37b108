#include "cli/sink/command/death_watch.hpp"

#include "cli/sink/sink_error.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/timerfd.h>
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

/// Returns a timer that can be read from the deadline on. It also counts the time in which the machine is suspended, because
/// the database's clock does, too.
FileDescriptor start_timer(Clock::time_point deadline) {
    using namespace std::chrono;
    FileDescriptor timer(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
    auto const left = std::max<nanoseconds>(deadline - Clock::now(), nanoseconds(1));
    itimerspec when{};
    when.it_value.tv_sec = duration_cast<seconds>(left).count();
    when.it_value.tv_nsec = (left % seconds(1)).count();
    if (!timer.is_open() || ::timerfd_settime(timer.get(), 0, &when, nullptr) != 0) {
        throw sink_error("cannot start a timer for the command", errno);
    }
    return timer;
}

/// Waits for a word from the program, or for its end, or for the deadline. Returns whether the deadline has passed.
bool wait_until_deadline(int pipe, int timer) {
    std::array<pollfd, 2> watched{
        {{.fd = pipe, .events = POLLIN, .revents = 0}, {.fd = timer, .events = POLLIN, .revents = 0}}};
    return ::poll(watched.data(), watched.size(), -1) > 0 && watched[1].revents != 0;
}

/// Runs in the child of a program that may have other threads, so it calls only async-signal-safe functions.
[[noreturn]] void keep_watch(int pipe, int timer) {
    ::setpgid(0, 0);  // Ctrl-C must not reach it
    Groups groups{};
    bool has_ended = false;
    pid_t word = 0;
    while (true) {
        if (!has_ended && timer >= 0 && wait_until_deadline(pipe, timer)) {
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
    FileDescriptor const timer = deadline ? start_timer(*deadline) : FileDescriptor();
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);  // our handlers must not run in the child
    m_watcher = ::fork();
    if (m_watcher == 0) {
        ::close(ends[1]);
        keep_watch(ends[0], timer.get());
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
