#include "cli/sink/command/delivery_command.hpp"

#include "cli/output/shell_command.hpp"
#include "cli/posix/signals.hpp"
#include "cli/sink/command/command_pipe.hpp"
#include "cli/sink/command/death_watch.hpp"
#include "cli/sink/command/spoken_lines.hpp"
#include "cli/sink/sink_error.hpp"
#include "cli/sink/write_out.hpp"
#include "relay/model/error.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>

namespace relay::cli {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// Time between SIGTERM and SIGKILL, unless the whole time is short.
constexpr auto last_grace = 1s;

/// What is read from a command before the clock and the signals are looked at again: as much as a pipe can hold.
constexpr int most_pieces = 16;

/// One running command.
class RunningDelivery {
  public:
    RunningDelivery(DeliveryCommand const &command, DeliveryCall const &call, DeathWatch &watch)
        : m_command(command), m_call(call), m_watch(watch), m_spoken(call.content.reveal(), call.words) {
        Pipe input = make_pipe();
        Pipe output = make_pipe();
        // Written before the command starts: it fits in the pipe, so it waits for no reader.
        write_to_stream(input.write_end.get(), call.content.reveal(), "the command for " + call.agent_id.text(),
                        {.room = 1s, .taken = 0s});
        input.write_end.reset();
        auto const failure = start_shell({.text = command.text,
                                          .variables = call.variables,
                                          .input = input.read_end.get(),
                                          .output = output.write_end.get(),
                                          .errors = output.write_end.get()},
                                         m_process, [this](pid_t group) { m_watch.watch(group); });
        if (failure != 0) {
            throw sink_error("cannot start the command of --deliver", failure);
        }
        m_input = std::move(input.read_end);
        m_output = std::move(output.read_end);
        never_wait(m_output);
        auto const now = Clock::now();
        m_last_end = command.deadline;
        m_end = m_last_end - std::min<Clock::duration>(last_grace, (m_last_end - now) / 4);
    }
    ~RunningDelivery() {
        if (m_process > 0) {
            ::kill(-m_process, SIGKILL);
            reap();
        }
    }
    RunningDelivery(RunningDelivery const &) = delete;
    RunningDelivery &operator=(RunningDelivery const &) = delete;

    bool is_running() const { return m_process > 0; }
    int output() const { return m_output.get(); }
    std::optional<std::string> const &complaint() const { return m_complaint; }

    void listen() {
        std::array<char, 4096> piece{};
        ssize_t got = 1;
        for (int pieces = 0; pieces < most_pieces && m_output.is_open() && got > 0; ++pieces) {
            got = ::read(m_output.get(), piece.data(), piece.size());
            if (got == 0) {
                m_output.reset();
            }
            for (auto const &line :
                 m_spoken.feed({piece.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))})) {
                tell(line);
            }
        }
        std::fill(piece.begin(), piece.end(), '\0');
    }

    /// Checks whether the command has ended, and ends it if it is late.
    void look() {
        siginfo_t info{};
        if (::waitid(P_PID, static_cast<id_t>(m_process), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
            info.si_pid != 0) {
            conclude();
        } else if (Clock::now() >= m_end) {
            ask_to_end();
        }
    }

    /// Sends SIGTERM to the command and all that it started; at its last end, SIGKILL.
    void ask_to_end() {
        if (is_running()) {
            ::kill(-m_process, Clock::now() >= m_last_end ? SIGKILL : SIGTERM);
            m_end = m_last_end;
            m_asked_to_end = true;
        }
    }

  private:
    int reap() {
        m_watch.forget(m_process);
        int status = 0;
        while (::waitpid(m_process, &status, 0) < 0 && errno == EINTR) {}
        m_process = -1;
        return status;
    }

    void conclude() {
        auto const late = m_asked_to_end;
        ::kill(-m_process, SIGKILL);  // what it left in the background could deliver later than it may
        auto const status = reap();
        listen();
        m_output.reset();
        if (auto const line = m_spoken.finish(); !line.empty()) {
            tell(line);
        }
        int unread = 0;
        ::ioctl(m_input.get(), FIONREAD, &unread);
        m_complaint = late ? "it took longer than " + std::to_string(m_command.limit.count()) + " s and was ended"
                           : complaint_of(status);
        if (!m_complaint && unread > 0) {
            m_complaint = "it did not read the secret from stdin";
        }
        if (m_complaint) {
            m_complaint =
                "the command did not deliver: " + *m_complaint + (m_last_line.empty() ? "" : ": " + m_last_line);
        }
    }

    void tell(std::string const &line) {
        m_last_line = line;
        if (m_command.said) {
            m_command.said(m_call.agent_id, line);
        }
    }

    DeliveryCommand const &m_command;
    DeliveryCall const &m_call;
    DeathWatch &m_watch;
    SpokenLines m_spoken;
    pid_t m_process = -1;
    FileDescriptor m_input{};  ///< kept open to see what was left unread
    FileDescriptor m_output{};
    Clock::time_point m_end{};
    Clock::time_point m_last_end{};
    bool m_asked_to_end = false;
    std::string m_last_line{};
    std::optional<std::string> m_complaint{};
};

using Deliveries = std::vector<std::unique_ptr<RunningDelivery>>;

/// Waits until a command prints something, at most `pause`. Returns whether one did.
bool wait_for_words(Deliveries const &deliveries, std::chrono::milliseconds pause) {
    std::vector<pollfd> watched;
    for (auto const &delivery : deliveries) {
        if (delivery->is_running() && delivery->output() >= 0) {
            watched.push_back({.fd = delivery->output(), .events = POLLIN, .revents = 0});
        }
    }
    return ::poll(watched.data(), watched.size(), static_cast<int>(pause.count())) > 0;
}

bool any_running(Deliveries const &deliveries) {
    return std::any_of(deliveries.begin(), deliveries.end(),
                       [](auto const &delivery) { return delivery->is_running(); });
}

void wait_for_all(Deliveries const &deliveries) {
    for (auto pause = 1ms; any_running(deliveries);) {
        pause = wait_for_words(deliveries, pause) ? 1ms : std::min(pause * 2, std::chrono::milliseconds(20ms));
        if (signal_came()) {
            throw Interrupted();  // destructors end the commands
        }
        for (auto const &delivery : deliveries) {
            if (delivery->is_running()) {
                delivery->listen();
                delivery->look();
            }
        }
    }
}

}  // namespace

std::vector<std::optional<std::string>> run_deliveries(DeliveryCommand const &command,
                                                       std::span<DeliveryCall const> calls) {
    if (Clock::now() >= command.deadline) {
        return {calls.size(), "the time for the delivery passed before the command was started"};
    }
    DeathWatch watch(command.deadline);
    Deliveries deliveries;
    for (auto const &call : calls) {
        deliveries.push_back(std::make_unique<RunningDelivery>(command, call, watch));
    }
    wait_for_all(deliveries);
    std::vector<std::optional<std::string>> complaints;
    for (auto const &delivery : deliveries) {
        complaints.push_back(delivery->complaint());
    }
    return complaints;
}

}  // namespace relay::cli
