#include "cli/terminal_input.hpp"

#include "cli/write_all.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <array>
#include <cerrno>
#include <csignal>

#include <poll.h>
#include <termios.h>
#include <unistd.h>

namespace relay::cli {

namespace {

constexpr std::size_t longest_line = 4096;
constexpr std::array ending_signals{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};

volatile std::sig_atomic_t caught_signal = 0;

extern "C" void note_signal(int number) { caught_signal = number; }

sigset_t ending_signal_set() {
    sigset_t set{};
    ::sigemptyset(&set);
    for (int const signal : ending_signals) {
        ::sigaddset(&set, signal);
    }
    return set;
}

/// Turns the echo off; at the end gives the terminal and the signals back, and sends itself the signal that came meanwhile.
/// The signals are let in only while wait_for_input() waits: one that comes just before a read would otherwise be noted, and the read
/// would wait all the same.
class SilentTerminal {
  public:
    SilentTerminal() {
        caught_signal = 0;
        sigset_t const set = ending_signal_set();
        ::sigprocmask(SIG_BLOCK, &set, &m_mask);
        struct sigaction note {};
        note.sa_handler = note_signal;  // without SA_RESTART: read(2) ends
        for (std::size_t i = 0; i < ending_signals.size(); ++i) {
            ::sigaction(ending_signals[i], &note, &m_actions[i]);
        }
        if (::tcgetattr(STDIN_FILENO, &m_before) == 0) {
            termios silent = m_before;
            silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
            m_is_silent = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
        }
    }
    SilentTerminal(SilentTerminal const &) = delete;
    SilentTerminal &operator=(SilentTerminal const &) = delete;
    ~SilentTerminal() {
        if (m_is_silent) {
            ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &m_before);
            write_all(STDERR_FILENO, "\n");  // the user's own was not shown
        }
        for (std::size_t i = 0; i < ending_signals.size(); ++i) {
            ::sigaction(ending_signals[i], &m_actions[i], nullptr);
        }
        ::sigprocmask(SIG_SETMASK, &m_mask, nullptr);
        if (caught_signal != 0) {
            ::raise(caught_signal);
        }
    }
    bool is_silent() const { return m_is_silent; }
    /// Throws Interrupted if a signal came.
    void wait_for_input() const {
        pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
        while (::ppoll(&input, 1, nullptr, &m_mask) < 0) {
            if (errno != EINTR || caught_signal != 0) {
                throw Interrupted();
            }
        }
    }

  private:
    std::array<struct sigaction, ending_signals.size()> m_actions{};
    sigset_t m_mask{};
    termios m_before{};
    bool m_is_silent = false;
};

/// Byte by byte: what follows the line is not ours. A signal ends the question.
template <typename Wait>
SecretBuffer read_line(Wait wait) {
    SecretBuffer line(longest_line);
    for (std::size_t size = 0; size < line.size(); ++size) {
        wait();
        ssize_t const got = ::read(STDIN_FILENO, line.writable().data() + size, 1);
        if (got < 0 && errno == EINTR) {
            throw Interrupted();
        }
        if (got <= 0) {
            throw Error(ErrorKind::declined, "declined: the question was not answered; nothing was changed");
        }
        if (line.reveal()[size] == '\n') {
            line.truncate(size);
            return line;
        }
    }
    throw Error(ErrorKind::usage, "the answer is longer than 4096 bytes");
}

}  // namespace

SecretBuffer read_hidden_line(std::string const &question) {
    SilentTerminal const terminal;
    if (!terminal.is_silent()) {
        throw Error(ErrorKind::usage, "the terminal's echo cannot be turned off",
                    {.next = "give the text by a file or a pipe"});
    }
    write_all(STDERR_FILENO, escape_for_terminal(question));
    return read_line([&terminal] { terminal.wait_for_input(); });
}

std::string read_shown_line(std::string const &question) {
    write_all(STDERR_FILENO, escape_for_terminal(question));
    try {
        return std::string(read_line([] {}).reveal());
    } catch (Error const &) {
        write_all(STDERR_FILENO, "\n");
        throw;
    }
}

}  // namespace relay::cli
