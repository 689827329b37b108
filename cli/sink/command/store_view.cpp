#include "cli/sink/command/store_view.hpp"

#include "cli/input/key_input.hpp"
#include "cli/output/output.hpp"
#include "cli/output/shell_command.hpp"
#include "cli/posix/files.hpp"
#include "cli/posix/signals.hpp"
#include "cli/sink/command/death_watch.hpp"
#include "cli/sink/command/spoken_lines.hpp"
#include "cli/sink/sink_error.hpp"
#include "relay/model/error.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <functional>

namespace relay::cli {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t most_bytes = 64 * 1024;
constexpr auto longest_after = std::chrono::minutes(10);
constexpr auto glance = 20ms;

/// A command without a secret on its stdin. Ends with the object, and with this program.
class SmallCommand {
  public:
    SmallCommand(std::string const &text, std::vector<std::string> const &variables, int output, int errors) {
        FileDescriptor const nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        int const failure = start_shell(
            {.text = text, .variables = variables, .input = nothing.get(), .output = output, .errors = errors},
            m_process, [this](pid_t group) { m_watch.watch(group); });
        if (failure != 0) {
            throw sink_error("cannot start the command", failure);
        }
    }
    ~SmallCommand() {
        if (m_process > 0) {
            end();
        }
    }
    SmallCommand(SmallCommand const &) = delete;
    SmallCommand &operator=(SmallCommand const &) = delete;

    /// Runs `meanwhile` again and again until the command ends. Returns why it failed; none if it ended with 0. Throws
    /// Interrupted after a signal.
    std::optional<std::string> wait(std::chrono::seconds limit, std::function<void()> const &meanwhile) {
        auto const deadline = Clock::now() + limit;
        while (true) {
            meanwhile();
            siginfo_t info{};
            if (::waitid(P_PID, static_cast<id_t>(m_process), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
                info.si_pid != 0) {
                int const status = end();
                meanwhile();
                return complaint_of(status);
            }
            if (signal_came()) {
                throw Interrupted();
            }
            if (Clock::now() >= deadline) {
                end();
                return "it took longer than " + std::to_string(limit.count()) + " s and was ended";
            }
        }
    }

  private:
    int end() {
        ::kill(-m_process, SIGKILL);
        m_watch.forget(m_process);
        int status = 0;
        while (::waitpid(m_process, &status, 0) < 0 && errno == EINTR) {}
        m_process = -1;
        return status;
    }

    DeathWatch m_watch{};
    pid_t m_process = -1;
};

struct Pipe {
    FileDescriptor read_end{};
    FileDescriptor write_end{};
};

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw sink_error("cannot create a pipe for the command", errno);
    }
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

/// Reads what is there. Returns the number of bytes; none at the end.
std::optional<std::size_t> read_some(int fd, std::span<char> into) {
    ssize_t const got = ::read(fd, into.data(), into.size());
    return got > 0   ? std::optional(static_cast<std::size_t>(got))
           : got < 0 ? std::optional<std::size_t>(0)
                     : std::nullopt;
}

/// Collects what the command prints, until it prints too much.
class Printed {
  public:
    explicit Printed(int fd) : m_fd(fd) {}

    bool is_too_long() const { return m_size == most_bytes; }
    std::string_view text() const { return m_text.reveal().substr(0, m_size); }

    void read() {
        auto const space = m_text.writable();
        for (std::optional<std::size_t> got = 1; got.value_or(0) > 0 && m_size < most_bytes;) {
            got = read_some(m_fd, space.subspan(m_size));
            m_size += got.value_or(0);
        }
    }

  private:
    int m_fd;
    std::size_t m_size = 0;
    SecretBuffer m_text{most_bytes};
};

/// Returns what a text without or with one key shows; none for several.
std::optional<StoreView> parse_view(std::string_view text) {
    auto const words = key_words(text);
    if (words.size() > 1) {
        return std::nullopt;
    }
    StoreView view;
    if (!words.empty()) {
        try {
            ApiKey const key = ApiKey::parse(words.front());
            view.key = ShownKey{key.id(), key.hash()};
        } catch (Error const &) {
            // A damaged key is not a key.
        }
    }
    return view;
}

}  // namespace

std::optional<StoreView> view_of_store(std::string const &command, std::vector<std::string> const &variables,
                                       std::chrono::seconds limit, Output &output) {
    Pipe out = make_pipe();
    Pipe errors = make_pipe();
    SpokenLines said{""};  // withholds any line that contains a key
    Printed printed(out.read_end.get());
    std::optional<std::string> complaint;
    {
        SmallCommand running(command, variables, out.write_end.get(), errors.write_end.get());
        out.write_end.reset();
        errors.write_end.reset();
        complaint = running.wait(limit, [&] {
            std::array<pollfd, 2> watched{{{.fd = out.read_end.get(), .events = POLLIN, .revents = 0},
                                           {.fd = errors.read_end.get(), .events = POLLIN, .revents = 0}}};
            ::poll(watched.data(), watched.size(), static_cast<int>(glance.count()));
            printed.read();
            std::array<char, 1024> piece{};
            for (auto got = read_some(errors.read_end.get(), piece); got.value_or(0) > 0;
                 got = read_some(errors.read_end.get(), piece)) {
                for (auto const &line : said.feed({piece.data(), *got})) {
                    output.note(line);
                }
            }
        });
    }
    if (auto const line = said.finish(); !line.empty()) {
        output.note(line);
    }
    if (!complaint && printed.is_too_long()) {
        complaint = "it printed more than 64 KiB";
    }
    std::optional<StoreView> view = complaint ? std::nullopt : parse_view(printed.text());
    if (!view) {
        output.warn("the command of --read-back did not show what the store holds: " +
                    complaint.value_or("it printed several keys"));
    }
    return view;
}

std::optional<std::string> run_after(std::string const &command, std::vector<std::string> const &variables) {
    SmallCommand running(command, variables, STDERR_FILENO, STDERR_FILENO);
    return running.wait(longest_after, [] { ::poll(nullptr, 0, static_cast<int>(glance.count())); });
}

}  // namespace relay::cli
