#include "cli/sink/command/store_view.hpp"

#include "cli/input/keys_in_text.hpp"
#include "cli/output/output.hpp"
#include "cli/output/shell_command.hpp"
#include "cli/posix/files.hpp"
#include "cli/posix/signals.hpp"
#include "cli/sink/command/command_pipe.hpp"
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
constexpr auto grace_of_watch = 1s;  ///< for this program to end the command, before the watch does
constexpr auto glance = 20ms;
constexpr int most_pieces_of_view = 16;  ///< that are read before the clock and the signals are looked at again

/// A command without a secret on its stdin. Ends with the object, and with this program.
class SmallCommand {
  public:
    /// It is ended after `limit`, even if this program is stopped then.
    SmallCommand(std::string const &text, std::vector<std::string> const &variables, int output, int errors,
                 std::chrono::seconds limit)
        : m_limit(limit), m_deadline(Clock::now() + limit), m_watch(m_deadline + grace_of_watch) {
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

    /// Runs `meanwhile` again and again until the command ends; ends it if that returns a complaint. Returns why it failed;
    /// none if it ended with 0. Throws Interrupted after a signal.
    std::optional<std::string> wait(std::function<std::optional<std::string>()> const &meanwhile) {
        while (true) {
            if (auto complaint = meanwhile()) {
                end();
                return complaint;
            }
            siginfo_t info{};
            if (::waitid(P_PID, static_cast<id_t>(m_process), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
                info.si_pid != 0) {
                int const status = end();
                auto complaint = meanwhile();
                return complaint ? complaint : complaint_of(status);
            }
            if (signal_came()) {
                throw Interrupted();
            }
            if (Clock::now() >= m_deadline) {
                end();
                return "it took longer than " + std::to_string(m_limit.count()) + " s and was ended";
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

    std::chrono::seconds m_limit;
    Clock::time_point m_deadline;
    DeathWatch m_watch;
    pid_t m_process = -1;
};

/// Reads what is there. Returns the number of bytes. At the end of the pipe, closes it, so that no one waits for it.
std::size_t read_some(FileDescriptor &fd, std::span<char> into) {
    ssize_t const got = fd.is_open() ? ::read(fd.get(), into.data(), into.size()) : -1;
    if (got == 0) {
        fd.reset();
    }
    return static_cast<std::size_t>(std::max<ssize_t>(got, 0));
}

/// Collects what the command prints, until it prints too much.
class Printed {
  public:
    bool is_too_long() const { return m_size > most_bytes; }
    std::string_view text() const { return m_text.reveal().substr(0, m_size); }

    void read(FileDescriptor &fd) {
        auto const space = m_text.writable();
        for (std::size_t got = 1; got > 0 && m_size < space.size();) {
            got = read_some(fd, space.subspan(m_size));
            m_size += got;
        }
    }

  private:
    std::size_t m_size = 0;
    SecretBuffer m_text{most_bytes + 1};
};

/// Passes on what the command says on stderr: a bounded number of pieces, because it may never stop.
void pass_on(FileDescriptor &errors, SpokenLines &said, Output &output) {
    std::array<char, 1024> piece{};
    for (int pieces = 0; pieces < most_pieces_of_view; ++pieces) {
        std::size_t const got = read_some(errors, piece);
        if (got == 0) {
            break;
        }
        for (auto const &line : said.feed({piece.data(), got})) {
            output.note(line);
        }
    }
    std::fill(piece.begin(), piece.end(), '\0');
}

/// Returns what a text without or with one key shows. If the text has several keys, or a part that cannot be looked into,
/// there is none, and `complaint` says so. A damaged key is not a key.
std::optional<StoreView> parse_view(std::string_view text, std::optional<std::string> &complaint) {
    KeysInText const keys = keys_in_text(text);
    StoreView view;
    if (keys.count() > 1) {
        complaint = "it printed several keys";
    } else if (!keys.whole.empty()) {
        view.key = ShownKey{keys.whole.front().id(), keys.whole.front().hash()};
    } else if (!keys.unopened.empty()) {
        complaint = "it printed " + keys.unopened + ", in which a key cannot be seen";
    }
    return complaint ? std::nullopt : std::optional(view);
}

}  // namespace

std::optional<StoreView> view_of_store(std::string const &command, AgentId const &agent, std::chrono::seconds limit,
                                       Output &output) {
    Pipe out = make_pipe();
    Pipe errors = make_pipe();
    never_wait(out.read_end);
    never_wait(errors.read_end);
    SpokenLines said{""};  // withholds any line that contains a key
    Printed printed;
    std::optional<std::string> complaint;
    {
        SmallCommand running(command, {"RELAY_AGENT_ID=" + agent.text()}, out.write_end.get(), errors.write_end.get(),
                             limit);
        out.write_end.reset();
        errors.write_end.reset();
        complaint = running.wait([&]() -> std::optional<std::string> {
            std::array<pollfd, 2> watched{{{.fd = out.read_end.get(), .events = POLLIN, .revents = 0},
                                           {.fd = errors.read_end.get(), .events = POLLIN, .revents = 0}}};
            ::poll(watched.data(), watched.size(), static_cast<int>(glance.count()));
            printed.read(out.read_end);
            pass_on(errors.read_end, said, output);
            return printed.is_too_long() ? std::optional<std::string>("it printed more than 64 KiB") : std::nullopt;
        });
    }
    if (auto const line = said.finish(); !line.empty()) {
        output.note(line);
    }
    std::optional<StoreView> view = complaint ? std::nullopt : parse_view(printed.text(), complaint);
    if (!view) {
        output.warn("the command of --read-back did not show what the store holds: " + complaint.value_or(""));
    }
    return view;
}

std::optional<std::string> run_after(std::string const &command, std::vector<std::string> const &variables) {
    SmallCommand running(command, variables, STDERR_FILENO, STDERR_FILENO, longest_after);
    return running.wait([]() -> std::optional<std::string> {
        ::poll(nullptr, 0, static_cast<int>(glance.count()));
        return std::nullopt;
    });
}

}  // namespace relay::cli
