#include "cli/output/change_hook.hpp"

#include "cli/output/write_all.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace relay::cli {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto limit = 60s;

/// Our environment with the change in it; what the caller had under these names is not passed on.
std::vector<std::string> environment_of(KeyChange const &change) {
    std::vector<std::string> variables{
        "RELAY_CHANGE=" + change.change, std::string("RELAY_KICKS=") + (change.kicks ? "true" : "false"),
        "RELAY_ORG_ID=" + change.org_id.value_or(""), "RELAY_AGENT_ID=" + change.agent_id.value_or(""),
        "RELAY_KEY_ID=" + change.key_id.value_or("")};
    auto const is_ours = [&, ours = variables.size()](std::string_view entry) {
        return std::any_of(variables.begin(), variables.begin() + static_cast<std::ptrdiff_t>(ours),
                           [&](std::string const &own) { return entry.starts_with(own.substr(0, own.find('=') + 1)); });
    };
    std::vector<std::string> all = variables;
    for (char **entry = environ; *entry != nullptr; ++entry) {
        if (!is_ours(*entry)) {
            all.emplace_back(*entry);
        }
    }
    return all;
}

/// The leader of a group of its own, so that a command that hangs can be ended with all that it started. Returns the errno of a failure.
int start(std::string const &command, KeyChange const &change, int input, pid_t &process) {
    std::vector<std::string> environment = environment_of(change);
    std::vector<char *> pointers;
    std::transform(environment.begin(), environment.end(), std::back_inserter(pointers),
                   [](std::string &entry) { return entry.data(); });
    pointers.push_back(nullptr);
    std::string text = command;
    std::string shell = "sh";
    std::string flag = "-c";
    std::array<char *, 4> argv{shell.data(), flag.data(), text.data(), nullptr};

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t reset;
    ::sigemptyset(&reset);
    ::sigaddset(&reset, SIGPIPE);  // we ignore it, and what is ignored would stay so
    posix_spawnattr_setsigdefault(&attributes, &reset);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    int const failure = ::posix_spawn(&process, "/bin/sh", &actions, &attributes, argv.data(), pointers.data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failure;
}

/// The wait status; none if it had to be killed.
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
    if (WIFSIGNALED(*status)) {
        return std::string("it was ended by signal ") + std::to_string(WTERMSIG(*status));
    }
    if (WEXITSTATUS(*status) != 0) {
        return "it ended with exit code " + std::to_string(WEXITSTATUS(*status));
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::string> run_change_hook(std::string const &command, KeyChange const &change, std::string_view line) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return std::string("it could not be started: ") + std::strerror(errno);
    }
    pid_t process = -1;
    int const failure = start(command, change, ends[0], process);
    ::close(ends[0]);
    if (failure == 0) {
        write_all(ends[1], std::string(line) + '\n');  // it need not read it; a line fits into the pipe
    }
    ::close(ends[1]);
    if (failure != 0) {
        return std::string("it could not be started: ") + std::strerror(failure);
    }
    return complaint(wait_for(process));
}

}  // namespace relay::cli
