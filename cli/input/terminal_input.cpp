#include "cli/input/terminal_input.hpp"

#include "cli/posix/write_all.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <optional>

#include <poll.h>
#include <termios.h>
#include <unistd.h>

namespace relay::cli {

namespace {

enum class Echo { on, off };

constexpr std::size_t longest_line = 4096;
constexpr std::array noted_signals{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};

volatile std::sig_atomic_t caught_signal = 0;

extern "C" void note_signal(int number) { caught_signal = number; }

sigset_t noted_signal_set() {
    sigset_t set{};
    ::sigemptyset(&set);
    for (int const signal : noted_signals) {
        ::sigaddset(&set, signal);
    }
    return set;
}

/// Prepares the terminal for a question; the destructor restores echo and signals, and raises the signal that came
/// meanwhile. Signals are unblocked only while wait_for_input() waits: otherwise, if one came just before a read, it
/// would be noted but the read would still wait.
class Terminal {
  public:
    explicit Terminal(Echo echo) {
        caught_signal = 0;
        sigset_t const set = noted_signal_set();
        ::sigprocmask(SIG_BLOCK, &set, &m_mask);
        for (std::size_t i = 0; i < noted_signals.size(); ++i) {
            note(noted_signals[i], m_actions[i]);
        }
        if (echo == Echo::off && ::tcgetattr(STDIN_FILENO, &m_before) == 0) {
            termios silent = m_before;
            silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
            m_is_silent = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
        }
    }
    Terminal(Terminal const &) = delete;
    Terminal &operator=(Terminal const &) = delete;
    ~Terminal() {
        if (m_is_silent) {
            ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &m_before);
        }
        if (m_is_silent || !m_line_ended) {
            write_all(STDERR_FILENO, "\n");  // the user's newline was not shown, or there was none
        }
        for (std::size_t i = 0; i < noted_signals.size(); ++i) {
            ::sigaction(noted_signals[i], &m_actions[i], nullptr);
        }
        ::sigprocmask(SIG_SETMASK, &m_mask, nullptr);
        if (caught_signal != 0) {
            ::raise(caught_signal);  // after SIGTSTP, execution resumes here
        }
    }
    bool is_silent() const { return m_is_silent; }
    /// Waits for input. Returns false if the program will be stopped: ask the question again afterwards. Throws
    /// Interrupted for a signal that ends the program.
    bool wait_for_input() const {
        pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
        while (::ppoll(&input, 1, nullptr, &m_mask) < 0) {
            if (caught_signal == SIGTSTP) {
                return false;
            }
            if (errno != EINTR || caught_signal != 0) {
                throw Interrupted();
            }
        }
        return true;
    }
    void line_ended() { m_line_ended = true; }

  private:
    /// Notes a signal, unless the caller ignores it (nohup).
    static void note(int signal, struct sigaction &before) {
        ::sigaction(signal, nullptr, &before);
        if (before.sa_handler != SIG_IGN) {
            struct sigaction action {};
            action.sa_handler = note_signal;  // no SA_RESTART: ppoll(2) must end
            ::sigaction(signal, &action, nullptr);
        }
    }

    std::array<struct sigaction, noted_signals.size()> m_actions{};
    sigset_t m_mask{};
    termios m_before{};
    bool m_is_silent = false;
    bool m_line_ended = false;
};

/// Reads one line, byte by byte, because what follows the line is not ours. None if the program will be stopped.
std::optional<SecretBuffer> read_line(Terminal &terminal) {
    SecretBuffer line(longest_line);
    for (std::size_t size = 0; size < line.size();) {
        if (!terminal.wait_for_input()) {
            return std::nullopt;
        }
        ssize_t const got = ::read(STDIN_FILENO, line.writable().data() + size, 1);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            throw Error(ErrorKind::declined, "declined: the question was not answered; nothing was changed");
        }
        if (line.reveal()[size] == '\n') {
            terminal.line_ended();
            line.truncate(size);
            return line;
        }
        ++size;
    }
    throw Error(ErrorKind::usage, "the answer is longer than 4096 bytes");
}

SecretBuffer ask(std::string const &question, Echo echo) {
    for (;;) {
        Terminal terminal(echo);
        if (echo == Echo::off && !terminal.is_silent()) {
            throw Error(ErrorKind::usage, "cannot turn off the echo of the terminal", {.next = "use a file or a pipe"});
        }
        write_all(STDERR_FILENO, escape_for_terminal(question));
        if (std::optional<SecretBuffer> line = read_line(terminal)) {
            return *std::move(line);
        }
    }
}

}  // namespace

SecretBuffer read_hidden_line(std::string const &question) { return ask(question, Echo::off); }

std::string read_shown_line(std::string const &question) { return std::string(ask(question, Echo::on).reveal()); }

}  // namespace relay::cli
