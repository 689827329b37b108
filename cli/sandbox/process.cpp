#include "cli/sandbox/process.hpp"

#include "cli/sandbox/files.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace relay::cli::sandbox {

namespace {

constexpr std::array environment{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8", "LANGUAGE=", "TZ=UTC",
                                 static_cast<char const *>(nullptr)};

struct Pipe {
    Descriptor read_end;
    Descriptor write_end;
};

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw file_error("cannot create a pipe");
    }
    return {above_stdio(Descriptor(ends[0])), above_stdio(Descriptor(ends[1]))};
}

/// Everything that the child needs, prepared before fork: after it only async-signal-safe calls are allowed.
struct Image {
    explicit Image(std::vector<std::string> const &arguments) {
        for (auto const &argument : arguments) {
            argv.push_back(const_cast<char *>(argument.c_str()));
        }
        argv.push_back(nullptr);
    }
    std::vector<char *> argv;
};

void close_at_exec_from(unsigned first) noexcept {
#ifdef SYS_close_range
    constexpr unsigned cloexec = 4;  // CLOSE_RANGE_CLOEXEC, Linux 5.11
    if (syscall(SYS_close_range, first, ~0U, cloexec) == 0) {
        return;
    }
#endif
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    unsigned const last = limit.rlim_cur > 65536 ? 65536 : static_cast<unsigned>(limit.rlim_cur);
    for (unsigned number = first; number < last; ++number) {
        fcntl(static_cast<int>(number), F_SETFD, FD_CLOEXEC);
    }
}

/// Resets all signals: we ignore SIGPIPE, and exec would keep that.
void reset_signals() noexcept {
    for (int number = 1; number < NSIG; ++number) {
        signal(number, SIG_DFL);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// Does the last steps of a child. Returns only if the program cannot be run; errno says why.
void become_program(ServerUser const &user, Image const &image, char const *folder, int input, int output,
                    int keep) noexcept {
    reset_signals();
    umask(077);
    if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0) {
        return;
    }
    close_at_exec_from(3);
    if (keep >= 0) {
        fcntl(keep, F_SETFD, 0);
    }
    if (!become(user) || chdir(folder) != 0) {
        return;
    }
    execve(image.argv[0], image.argv.data(), const_cast<char **>(environment.data()));
}

[[noreturn]] void report_and_exit(int report) noexcept {
    int const number = errno;
    [[maybe_unused]] ssize_t const written = write(report, &number, sizeof number);
    _exit(127);
}

/// Waits until exec closes the pipe, or reads why exec failed.
void check_started(Descriptor const &report, std::string const &program) {
    int number = 0;
    ssize_t got = 0;
    while ((got = read(report.get(), &number, sizeof number)) < 0 && errno == EINTR) {}
    if (got == sizeof number) {
        errno = number;
        throw file_error("cannot run " + program);
    }
}

int wait_for(pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return 127;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// Reads until the end. Returns false if that takes longer than `limit`.
bool collect(int descriptor, std::chrono::seconds limit, std::string &text) {
    constexpr std::size_t most = 64 * 1024;
    auto const deadline = std::chrono::steady_clock::now() + limit;
    std::array<char, 4096> block;
    for (;;) {
        auto const left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        pollfd waiting{descriptor, POLLIN, 0};
        if (left.count() <= 0) {
            return false;
        }
        if (poll(&waiting, 1, static_cast<int>(left.count())) <= 0) {
            continue;
        }
        ssize_t const got = read(descriptor, block.data(), block.size());
        if (got == 0) {
            return true;
        }
        text.append(block.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        if (text.size() > 2 * most) {
            text.erase(0, text.size() - most);
        }
    }
}

}  // namespace

ToolResult run_tool(ServerUser const &user, Tool const &tool) {
    Pipe input = make_pipe();
    Pipe output = make_pipe();
    Pipe report = make_pipe();
    Image const image(tool.argv);
    pid_t const child = fork();
    if (child < 0) {
        throw file_error("cannot start " + tool.argv.front());
    }
    if (child == 0) {
        become_program(user, image, tool.folder.c_str(), input.read_end.get(), output.write_end.get(), tool.keep);
        report_and_exit(report.write_end.get());
    }
    input.read_end.reset();
    output.write_end.reset();
    report.write_end.reset();
    try {
        check_started(report.read_end, tool.argv.front());
    } catch (...) {
        wait_for(child);
        throw;
    }
    // The input fits in the pipe. If the reader is gone, the exit code shows it (SIGPIPE is ignored).
    [[maybe_unused]] ssize_t const written = write(input.write_end.get(), tool.input.data(), tool.input.size());
    input.write_end.reset();
    ToolResult result;
    result.timed_out = !collect(output.read_end.get(), tool.limit, result.output);
    if (result.timed_out) {
        kill(child, SIGKILL);
    }
    result.exit = wait_for(child);
    return result;
}

pid_t start_daemon(ServerUser const &user, std::vector<std::string> const &argv, std::string const &folder, int log) {
    Descriptor const nothing = above_stdio(Descriptor(open("/dev/null", O_RDWR | O_CLOEXEC)));
    Pipe number = make_pipe();
    Pipe report = make_pipe();
    Image const image(argv);
    pid_t const child = fork();
    if (child < 0) {
        throw file_error("cannot start " + argv.front());
    }
    if (child == 0) {
        setsid();
        pid_t const daemon = fork();  // not our child, nor a child of the program that we may become
        if (daemon > 0) {
            _exit(0);
        }
        if (daemon == 0) {
            pid_t const self = getpid();
            [[maybe_unused]] ssize_t const written = write(number.write_end.get(), &self, sizeof self);
            become_program(user, image, folder.c_str(), nothing.get(), log, -1);
        }
        report_and_exit(report.write_end.get());
    }
    number.write_end.reset();
    report.write_end.reset();
    wait_for(child);
    check_started(report.read_end, argv.front());
    pid_t daemon = -1;
    while (read(number.read_end.get(), &daemon, sizeof daemon) < 0 && errno == EINTR) {}
    return daemon;
}

bool is_alive(pid_t process) {
    auto const stat = read_file("/proc/" + std::to_string(process) + "/stat");
    if (!stat) {
        return false;
    }
    // The state follows the program's name, which is in parentheses and may contain some itself (proc(5)).
    auto const name_end = stat->rfind(')');
    return name_end == std::string::npos || name_end + 2 >= stat->size() ||
           std::strchr("ZXx", (*stat)[name_end + 2]) == nullptr;
}

}  // namespace relay::cli::sandbox
