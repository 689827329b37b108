#include "cli/output/shell_command.hpp"

#include "cli/posix/write_all.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace relay::cli {

namespace {

std::vector<std::string> environment_with(std::vector<std::string> const &variables) {
    auto const is_replaced = [&](std::string_view entry) {
        return std::any_of(variables.begin(), variables.end(), [&](std::string const &own) {
            return entry.starts_with(std::string_view(own).substr(0, own.find('=') + 1));
        });
    };
    std::vector<std::string> all = variables;
    for (char **entry = environ; *entry != nullptr; ++entry) {
        if (!is_replaced(*entry)) {
            all.emplace_back(*entry);
        }
    }
    return all;
}

/// Runs in the child after fork(), with all signals blocked, so it calls only async-signal-safe functions. Waits for a
/// byte from the parent before it starts the command.
[[noreturn]] void become_shell(ShellCommand const &command, std::array<int, 2> const &gate, sigset_t const &mask,
                               char *const *argv, char *const *environment) {
    ::setpgid(0, 0);
    ::close(gate[1]);
    char leave = 0;
    if (::read(gate[0], &leave, 1) != 1) {
        ::_exit(127);
    }
    for (int const signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ}) {
        struct sigaction action {};
        ::sigaction(signal, nullptr, &action);
        bool const ours = signal == SIGPIPE || signal == SIGXFSZ;  // we ignore these, and exec would keep that
        if (ours || action.sa_handler != SIG_IGN) {
            action = {};
            action.sa_handler = SIG_DFL;
            ::sigaction(signal, &action, nullptr);
        }
    }
    ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
    if (::dup2(command.input, STDIN_FILENO) >= 0 && ::dup2(command.output, STDOUT_FILENO) >= 0 &&
        ::dup2(command.errors, STDERR_FILENO) >= 0) {
        ::execve("/bin/sh", argv, environment);
    }
    ::_exit(127);
}

}  // namespace

int start_shell(ShellCommand const &command, pid_t &process, std::function<void(pid_t)> const &known) {
    std::vector<std::string> environment = environment_with(command.variables);
    std::vector<char *> pointers;
    std::transform(environment.begin(), environment.end(), std::back_inserter(pointers),
                   [](std::string &entry) { return entry.data(); });
    pointers.push_back(nullptr);
    std::string text = command.text;
    std::string shell = "sh";
    std::string flag = "-c";
    std::array<char *, 4> const argv{shell.data(), flag.data(), text.data(), nullptr};
    std::array<int, 2> gate{};
    if (::pipe2(gate.data(), O_CLOEXEC) != 0) {
        return errno;
    }
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);  // our handlers must not run in the child
    process = ::fork();
    if (process == 0) {
        become_shell(command, gate, before, argv.data(), pointers.data());
    }
    int const failure = process < 0 ? errno : 0;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ::close(gate[0]);
    if (failure == 0) {
        ::setpgid(process, process);  // parent and child both do this: either may run first
        if (known) {
            known(process);
        }
        write_all(gate[1], "!");
    }
    ::close(gate[1]);
    return failure;
}

std::optional<std::string> complaint_of(int wait_status) {
    if (WIFSIGNALED(wait_status)) {
        return "it was ended by signal " + std::to_string(WTERMSIG(wait_status));
    }
    if (WEXITSTATUS(wait_status) != 0) {
        return "it ended with exit code " + std::to_string(WEXITSTATUS(wait_status));
    }
    return std::nullopt;
}

}  // namespace relay::cli
