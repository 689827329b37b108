#include "cli/output/change_hook.hpp"

#include "cli/output/shell_command.hpp"
#include "cli/posix/write_all.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace relay::cli {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto limit = 60s;

std::vector<std::string> variables_of(KeyChange const &change) {
    return {"RELAY_CHANGE=" + change.change, std::string("RELAY_KICKS=") + (change.kicks ? "true" : "false"),
            "RELAY_ORG_ID=" + text_or_empty(change.org_id), "RELAY_AGENT_ID=" + text_or_empty(change.agent_id),
            "RELAY_KEY_ID=" + text_or_empty(change.key_id)};
}

/// Returns the wait status; none if the process took too long and was killed.
std::optional<int> wait_for(pid_t process) {
    auto const end = Clock::now() + limit;
    for (auto pause = 1ms;; pause = std::min(pause * 2, std::chrono::milliseconds(50ms))) {
        int status = 0;
        if (pid_t const done = ::waitpid(process, &status, WNOHANG); done == process) {
            return status;
        }
        if (Clock::now() >= end) {
            ::kill(-process, SIGKILL);
            ::waitpid(process, &status, 0);
            return std::nullopt;
        }
        std::this_thread::sleep_for(pause);
    }
}

std::optional<std::string> complaint(std::optional<int> status) {
    if (!status) {
        return "it took longer than " + std::to_string(limit.count()) + " s and was killed";
    }
    return complaint_of(*status);
}

}  // namespace

std::optional<std::string> run_change_hook(std::string const &command, KeyChange const &change, std::string_view line) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return std::string("it could not be started: ") + std::strerror(errno);
    }
    pid_t process = -1;
    int const failure = start_shell({.text = command,
                                     .variables = variables_of(change),
                                     .input = ends[0],
                                     .output = STDERR_FILENO,
                                     .errors = STDERR_FILENO},
                                    process);
    ::close(ends[0]);
    if (failure == 0) {
        write_all(ends[1], std::string(line) + '\n');  // fits in the pipe, so it never waits for a reader
    }
    ::close(ends[1]);
    if (failure != 0) {
        return std::string("it could not be started: ") + std::strerror(failure);
    }
    return complaint(wait_for(process));
}

}  // namespace relay::cli
