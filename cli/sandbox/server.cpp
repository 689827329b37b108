#include "cli/sandbox/server.hpp"

#include "cli/sandbox/files.hpp"
#include "cli/sandbox/process.hpp"
#include "cli/sandbox/socket_folder.hpp"

#include <fcntl.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <sstream>
#include <thread>

namespace relay::cli::sandbox {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds pause{10};

/// The lines of postmaster.pid: 1 process id, 2 data folder, 3 start time, 4 port, 5 socket folder, 6 address, 7
/// shared memory (key and id), 8 status, padded with spaces (PostgreSQL's src/include/utils/pidfile.h).
std::array<std::string, 8> read_pid_file(Layout const &layout) {
    std::array<std::string, 8> lines;
    std::istringstream text(read_file(layout.data() + "/postmaster.pid").value_or(""));
    for (auto &line : lines) {
        std::getline(text, line);
    }
    return lines;
}

bool is_same_folder(std::string const &one, std::string const &other) {
    struct stat first {};
    struct stat second {};
    return stat(one.c_str(), &first) == 0 && stat(other.c_str(), &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

/// Returns whether the process is a server on our data: a server's working directory is its data folder. If we may not
/// read that (root in a container lacks CAP_SYS_PTRACE), its `-D` argument decides.
bool works_on(pid_t process, std::string const &data) {
    std::string const folder = "/proc/" + std::to_string(process);
    errno = 0;
    if (is_same_folder(folder + "/cwd", data)) {
        return true;
    }
    if (errno != EACCES && errno != EPERM) {
        return false;
    }
    std::istringstream arguments(read_file(folder + "/cmdline").value_or(""));
    std::string argument;
    while (std::getline(arguments, argument, '\0')) {
        if (argument == "-D" && std::getline(arguments, argument, '\0')) {
            return is_same_folder(argument, data);
        }
    }
    return false;
}

Descriptor open_log(Layout const &layout) {
    constexpr off_t too_long = 4 * 1024 * 1024;
    Descriptor log = above_stdio(Descriptor(
        open(layout.log().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0600)));
    if (log.get() < 0) {
        throw file_error("cannot open " + layout.log());
    }
    struct stat found {};
    if (fstat(log.get(), &found) == 0 && found.st_size > too_long && ftruncate(log.get(), 0) != 0) {
        throw file_error("cannot shorten " + layout.log());
    }
    return log;
}

Error start_failed(Layout const &layout, std::string const &message) {
    return Error(ErrorKind::unavailable, message,
                 {.why = last_lines(read_file(layout.log()).value_or(""), 6), .next = "see " + layout.log()});
}

/// Returns the setting as the server parses it: a list, in which double quotes enclose a name.
std::string socket_setting(std::string const &folder) {
    std::string quoted = "unix_socket_directories=\"";
    for (char const c : folder) {
        quoted += c == '"' ? "\"\"" : std::string(1, c);
    }
    return quoted + '"';
}

/// Returns whether the server that we just started failed because workers of a killed one are still ending.
bool is_worth_another_try(Layout const &layout) {
    std::string const end = last_lines(read_file(layout.log()).value_or(""), 3);
    return end.find("pre-existing shared memory block") != std::string::npos;
}

/// Makes postmaster.pid name a process that does not exist. After a power cut, its number may belong to another process
/// of this user; and in a container, a killed server may remain as a dead process that no one collects. The new server
/// would take either for a running server. The rest of the file stays, because it guards against workers that are still
/// alive. Runs as the server's user.
int forget_process(std::string const &path) {
    constexpr std::string_view nobody = "2147483646";  // beyond Linux's PID_MAX_LIMIT of 2^22
    auto text = read_file(path);
    if (!text) {
        return 0;
    }
    text->replace(0, text->find('\n'), nobody);
    Descriptor const file(open(path.c_str(), O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC));
    return write(file.get(), text->data(), text->size()) == static_cast<ssize_t>(text->size()) ? 0 : 1;
}

void set_aside_stale_number(Layout const &layout) {
    std::string const path = layout.data() + "/postmaster.pid";
    auto const number = static_cast<pid_t>(std::atoi(read_pid_file(layout)[0].c_str()));
    if (number > 0 && (kill(number, 0) == 0 || errno != ESRCH)) {
        run_as(layout.user, [&] { return forget_process(path); });
    }
}

}  // namespace

std::optional<Postmaster> find_postmaster(Layout const &layout) {
    auto const lines = read_pid_file(layout);
    int pid = 0;
    std::from_chars(lines[0].data(), lines[0].data() + lines[0].size(), pid);
    if (pid <= 1 || !is_alive(pid) || !works_on(pid, layout.data())) {
        return std::nullopt;
    }
    return Postmaster{pid, lines[7].starts_with("ready")};
}

void wait_until_ready(Layout const &layout, pid_t process, Clock::time_point deadline) {
    while (Clock::now() < deadline) {
        auto const found = find_postmaster(layout);
        if (found && found->pid == process && found->ready) {
            return;
        }
        if (!is_alive(process)) {
            throw start_failed(layout, "the sandbox's server ended while starting");
        }
        std::this_thread::sleep_for(pause);
    }
    throw start_failed(layout, "the sandbox's server does not accept connections yet");
}

void start_server(Layout const &layout, Binaries const &binaries, std::chrono::seconds patience) {
    auto const deadline = Clock::now() + patience;
    set_aside_stale_number(layout);
    std::string const sockets = make_socket_folder(layout);
    Descriptor const log = open_log(layout);
    std::vector<std::string> const command{binaries.postgres(), "-D", layout.data(), "-c", socket_setting(sockets)};
    for (;;) {
        pid_t const process = start_daemon(layout.user, command, layout.data(), log.get());
        try {
            wait_until_ready(layout, process, deadline);
            return;
        } catch (Error const &) {
            if (is_alive(process) || !is_worth_another_try(layout) || Clock::now() > deadline) {
                throw;
            }
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
}

void stop_server(Layout const &layout, Postmaster const &postmaster, std::chrono::seconds patience) {
    auto const deadline = Clock::now() + patience;
    if (kill(postmaster.pid, SIGINT) != 0 && errno != ESRCH) {
        throw file_error("cannot stop the server, process " + std::to_string(postmaster.pid));
    }
    while (is_alive(postmaster.pid)) {
        if (Clock::now() > deadline) {
            throw Error(ErrorKind::unavailable, "the sandbox's server has not stopped yet",
                        {.why = "process " + std::to_string(postmaster.pid) + " is still running after " +
                                std::to_string(patience.count()) + " seconds",
                         .next = "see " + layout.log() + ", and try again"});
        }
        std::this_thread::sleep_for(pause);
    }
}

void free_shared_memory(Layout const &layout) {
    std::istringstream numbers(read_pid_file(layout)[6]);
    unsigned long key = 0;
    int id = -1;
    if (!(numbers >> key >> id)) {
        return;
    }
    run_as(layout.user, [&] {
        shmid_ds segment{};
        bool const ours = shmctl(id, IPC_STAT, &segment) == 0 && static_cast<unsigned>(segment.shm_perm.__key) == key &&
                          segment.shm_perm.uid == layout.user.uid && segment.shm_nattch == 0;
        return ours ? shmctl(id, IPC_RMID, nullptr) : 0;
    });
}

}  // namespace relay::cli::sandbox
