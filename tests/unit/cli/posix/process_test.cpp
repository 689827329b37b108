#include "cli/input/prompt.hpp"
#include "cli/output/untold.hpp"
#include "cli/posix/process_guard.hpp"
#include "cli/posix/signals.hpp"
#include "cli/posix/write_all.hpp"
#include "relay/model/error.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <functional>
#include <string>

#include <fcntl.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace relay;
using namespace relay::cli;

namespace {

int wait_status(pid_t child) {
    int status = 0;
    ::waitpid(child, &status, 0);
    return status;
}

/// Returns the wait status of a child that runs `body`; the result of `body` is its exit code.
int in_child(std::function<int()> const &body) {
    pid_t const child = ::fork();
    if (child == 0) {
        ::_exit(body());
    }
    return wait_status(child);
}

int kind_thrown(std::function<void()> const &body) {
    try {
        body();
        return 0;
    } catch (Error const &error) {
        return static_cast<int>(error.kind());
    } catch (...) {
        return 99;
    }
}

struct Answered {
    int status;
    std::string screen;
};

/// Runs `body` on a new terminal and types `keys` as soon as it asks a question.
Answered on_terminal(std::string const &keys, std::function<void()> const &body) {
    int terminal = -1;
    pid_t const child = ::forkpty(&terminal, nullptr, nullptr, nullptr);
    if (child == 0) {
        ::_exit(kind_thrown(body));
    }
    std::string screen;
    std::array<char, 512> buffer{};
    bool typed = false;
    for (ssize_t got = 0; (got = ::read(terminal, buffer.data(), buffer.size())) > 0;) {
        screen.append(buffer.data(), static_cast<std::size_t>(got));
        if (!typed && screen.ends_with(' ')) {
            typed = write_all(terminal, keys) == 0;
        }
    }
    ::close(terminal);
    return {wait_status(child), screen};
}

int confirm_code(std::string const &keys) {
    Answered const answered = on_terminal(keys, [] { Prompt({}).confirm("really?"); });
    CHECK(answered.screen.starts_with("really? [y/N] "));
    return WEXITSTATUS(answered.status);
}

int typing_code(std::string const &keys) {
    return WEXITSTATUS(
        on_terminal(keys, [] { Prompt({}).confirm_by_typing("blocks all", "acme", std::nullopt); }).status);
}

}  // namespace

TEST_CASE("a question is answered by yes; by anything else or Ctrl-D it is declined") {
    CHECK(confirm_code("y\n") == 0);
    CHECK(confirm_code(" yes \n") == 0);
    CHECK(confirm_code("\n") == 13);
    CHECK(confirm_code("no\n") == 13);
    CHECK(confirm_code("yess\n") == 13);
    CHECK(confirm_code("\004") == 13);
}

TEST_CASE("Ctrl-C at a question ends the program by the signal, and leaves the terminal's modes alone") {
    Answered const answered = on_terminal("\003", [] {
        install_signal_handlers(report_interrupted);
        Prompt({}).confirm("really?");
    });
    REQUIRE(WIFSIGNALED(answered.status));
    CHECK(WTERMSIG(answered.status) == SIGINT);
}

TEST_CASE("a wide or final change is confirmed only by typing the id") {
    CHECK(typing_code("acme\n") == 0);
    CHECK(typing_code("yes\n") == 13);
    CHECK(typing_code("acm\n") == 13);
    CHECK(typing_code("\004") == 13);
    Globals const yes{.yes = true};
    CHECK(WEXITSTATUS(on_terminal("no\n", [&] { Prompt(yes).confirm_by_typing("q", "acme", std::nullopt); }).status) ==
          13);
    CHECK(kind_thrown([] { Prompt({}).confirm_by_typing("q", "acme", "acme"); }) == 0);
    CHECK(kind_thrown([] { Prompt({}).confirm_by_typing("q", "acme", "other"); }) == 13);
}

TEST_CASE("without a terminal, or with --no-input, no question is asked") {
    int const code = in_child([] {
        ::close(STDIN_FILENO);
        ::open("/dev/null", O_RDONLY);
        return kind_thrown([] { Prompt({}).confirm("really?"); });
    });
    CHECK(WEXITSTATUS(code) == 2);
    CHECK(kind_thrown([] { Prompt({.no_input = true}).confirm("really?"); }) == 2);
    CHECK(kind_thrown([] { Prompt({.yes = true, .no_input = true}).confirm("really?"); }) == 0);
    CHECK(kind_thrown([] { Prompt({.yes = true, .no_input = true}).confirm_by_typing("q", "acme", std::nullopt); }) ==
          2);
}

TEST_CASE("outside a transaction a signal ends the program immediately, by that signal") {
    for (int const signal : {SIGINT, SIGTERM, SIGHUP}) {
        int const status = in_child([&] {
            install_signal_handlers(report_interrupted);
            ::raise(signal);
            return 0;
        });
        REQUIRE(WIFSIGNALED(status));
        CHECK(WTERMSIG(status) == signal);
    }
    int const interrupted = in_child([] {
        install_signal_handlers(report_interrupted);
        die_of_signal();
        return 0;
    });
    CHECK(WTERMSIG(interrupted) == SIGINT);
}

TEST_CASE("a signal that was ignored at the start stays ignored, and SIGPIPE is") {
    CHECK(in_child([] {
              ::signal(SIGHUP, SIG_IGN);
              install_signal_handlers(report_interrupted);
              ::raise(SIGHUP);
              std::array<int, 2> ends{};
              bool const piped = ::pipe(ends.data()) == 0;
              ::close(ends[0]);
              return piped && write_all(ends[1], "x") == EPIPE ? 0 : 1;
          }) == 0);
}

TEST_CASE("a closed standard stream cannot become the database's socket, and stays unusable") {
    CHECK(in_child([] {
              ::close(STDIN_FILENO);
              ::close(STDOUT_FILENO);
              ::close(STDERR_FILENO);
              occupy_standard_streams();
              int const next = ::open("/dev/null", O_RDWR);
              char letter = 0;
              bool const unusable = write_all(STDOUT_FILENO, "x") == EBADF && write_all(STDERR_FILENO, "x") == EBADF &&
                                    ::read(STDIN_FILENO, &letter, 1) == -1;
              return next > STDERR_FILENO && unusable ? 0 : 1;
          }) == 0);
}

TEST_CASE("a failed write reports why") {
    int const full = ::open("/dev/full", O_WRONLY);
    CHECK(write_all(full, "x") == ENOSPC);
    CHECK(write_all(full, "") == 0);
    ::close(full);
}
