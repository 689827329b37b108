#include "cli/output/pager.hpp"

#include "cli/output/text_width.hpp"
#include "cli/posix/files.hpp"
#include "cli/posix/write_all.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace relay::cli {

namespace {

volatile std::sig_atomic_t interrupted = 0;

extern "C" void remember_interrupt(int) { interrupted = 1; }

/// Returns our environment, with LESS and LV added unless they are set: -F quits immediately if the text fits, -R shows
/// color, -X leaves the text on the screen.
std::vector<char *> environment_of_pager() {
    static char less[] = "LESS=FRX";
    static char lv[] = "LV=-c";
    std::vector<char *> variables;
    for (char **variable = environ; *variable != nullptr; ++variable) {
        variables.push_back(*variable);
    }
    if (std::getenv("LESS") == nullptr) {
        variables.push_back(less);
    }
    if (std::getenv("LV") == nullptr) {
        variables.push_back(lv);
    }
    variables.push_back(nullptr);
    return variables;
}

/// Starts `sh -c command` with `input` as its stdin. SIGPIPE, which we ignore, gets its default action again. None if
/// it cannot be started.
std::optional<pid_t> start(std::string command, int input) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    sigset_t defaults;
    ::sigemptyset(&defaults);
    ::sigaddset(&defaults, SIGPIPE);
    ::posix_spawnattr_setsigdefault(&attributes, &defaults);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);

    char shell[] = "sh";
    char flag[] = "-c";
    char *arguments[] = {shell, flag, command.data(), nullptr};
    pid_t pid = -1;
    int const failure = ::posix_spawn(&pid, "/bin/sh", &actions, &attributes, arguments, environment_of_pager().data());
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
    return failure == 0 ? std::optional(pid) : std::nullopt;
}

int wait_for(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    return status;
}

}  // namespace

std::optional<std::string> pager_command(Environment const &environment) {
    if (!obeys_escapes(environment)) {
        return {};
    }
    for (char const *const name : {"RELAY_ADMIN_PAGER", "PAGER"}) {
        if (char const *const command = environment(name); command != nullptr) {
            std::string_view const text = command;
            bool const none = text.find_first_not_of(' ') == text.npos || text == "cat";
            return none ? std::nullopt : std::optional<std::string>(text);
        }
    }
    return "less";
}

bool is_taller(std::string_view text, Screen const &screen) {
    std::size_t lines = 1;  // for the prompt
    while (!text.empty() && lines <= screen.lines) {
        std::size_t const end = text.find('\n');
        std::size_t const width = display_width(text.substr(0, end));
        lines += width == 0 ? 1 : (width - 1) / screen.columns + 1;
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
    }
    return lines > screen.lines;
}

/// Leaves Ctrl-C to the pager, which handles it itself; it must not end us while the pager holds the terminal.
class InterruptsForPager {
  public:
    InterruptsForPager() {
        interrupted = 0;
        struct sigaction action {};
        action.sa_handler = remember_interrupt;
        action.sa_flags = SA_RESTART;
        ::sigaction(SIGINT, &action, &m_interrupt);
        ::sigaction(SIGQUIT, &action, &m_quit);
    }
    ~InterruptsForPager() {
        ::sigaction(SIGINT, &m_interrupt, nullptr);
        ::sigaction(SIGQUIT, &m_quit, nullptr);
    }
    InterruptsForPager(InterruptsForPager const &) = delete;
    InterruptsForPager &operator=(InterruptsForPager const &) = delete;

  private:
    struct sigaction m_interrupt {};
    struct sigaction m_quit {};
};

struct Pager::Impl {
    InterruptsForPager interrupts{};
    FileDescriptor writer{-1};
    std::optional<pid_t> pid{};
};

Pager::Pager(std::string const &command) : m_impl(std::make_unique<Impl>()) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) == 0) {
        FileDescriptor const reader(ends[0]);
        m_impl->writer = FileDescriptor(ends[1]);
        m_impl->pid = start(command, reader.get());
    }
}

Pager::~Pager() { finish(); }

bool Pager::write(std::string_view text) { return m_impl->pid && write_all(m_impl->writer.get(), text) == 0; }

bool Pager::finish() {
    m_impl->writer = FileDescriptor(-1);
    if (!m_impl->pid) {
        return false;
    }
    int const status = wait_for(*m_impl->pid);
    m_impl->pid.reset();
    bool const at_ease = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    return at_ease || interrupted != 0;
}

}  // namespace relay::cli
