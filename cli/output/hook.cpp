#include "cli/output/hook.hpp"

#include "cli/output/shell_command.hpp"
#include "cli/posix/files.hpp"
#include "cli/posix/write_all.hpp"
#include "cli/sink/command/death_watch.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace relay::cli {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// Returns the wait status; none if the process took too long and was killed. Its number stays its own until it was waited
/// for, so it is forgotten before.
std::optional<int> wait_for(pid_t process, std::chrono::seconds limit, DeathWatch &death_watch) {
    auto const end = Clock::now() + limit;
    for (auto pause = 1ms;; pause = std::min(pause * 2, std::chrono::milliseconds(50ms))) {
        siginfo_t info{};
        bool const ended = ::waitid(P_PID, static_cast<id_t>(process), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
                           info.si_pid == process;
        bool const late = !ended && Clock::now() >= end;
        if (late) {
            ::kill(-process, SIGKILL);
        }
        if (ended || late) {
            death_watch.forget(process);
            int status = 0;
            ::waitpid(process, &status, 0);
            return late ? std::nullopt : std::optional(status);
        }
        std::this_thread::sleep_for(pause);
    }
}

/// Returns a file in memory, to be read from its beginning. On failure it is not open, and errno is set.
FileDescriptor file_with(std::string_view text) {
    FileDescriptor file(::memfd_create("input", MFD_CLOEXEC));
    if (file.is_open()) {
        errno = write_all(file.get(), text);
        if (errno != 0 || ::lseek(file.get(), 0, SEEK_SET) != 0) {
            file.reset();
        }
    }
    return file;
}

std::string not_started(int error_number) {
    return std::string("it could not be started: ") + std::strerror(error_number);
}

}  // namespace

std::optional<std::string> run_hook(Hook const &hook, std::string_view input) {
    FileDescriptor const file = file_with(input);
    if (!file.is_open()) {
        return not_started(errno);
    }
    DeathWatch death_watch;
    pid_t process = -1;
    int const failure = start_shell({.text = hook.text,
                                     .variables = hook.variables,
                                     .input = file.get(),
                                     .output = STDERR_FILENO,
                                     .errors = STDERR_FILENO},
                                    process, [&](pid_t started) { death_watch.watch(started); });
    if (failure != 0) {
        return not_started(failure);
    }
    std::optional<int> const status = wait_for(process, hook.limit, death_watch);
    return status ? complaint_of(*status)
                  : "it took longer than " + std::to_string(hook.limit.count()) + " s and was killed";
}

}  // namespace relay::cli
