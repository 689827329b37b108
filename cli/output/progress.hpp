#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace relay::cli {

/// How far a long work is. A use case reports it as two numbers, done and total, and knows nothing of the rest.
struct ProgressState {
    std::string what{};  ///< "scanning app.log", "rotating keys"
    bool bytes = false;  ///< `done` and `total` are bytes, not things
    std::uint64_t done = 0;
    std::optional<std::uint64_t> total{};
    std::chrono::milliseconds elapsed{};
};

/// "scanning app.log: 45 %, 1.2 GB of 2.7 GB, 310 MB/s, 5 s left", "rotating keys: 45 of 1000, 12/s, 2 min left"; without a total
/// "scanning stdin: 1.2 GB, 310 MB/s". The rate is that of the whole run.
std::string progress_text(ProgressState const &state);

/// Shows progress on stderr: at a terminal, after one second, one line that is written over and at last removed; otherwise a line of its own
/// each 10 s. Removed also when a signal ends the program.
class Progress {
  public:
    using Clock = std::chrono::steady_clock;

    /// Where it is shown.
    struct Stream {
        enum class Kind { none, terminal, log } kind = Kind::none;
        std::function<std::size_t()> columns{};  ///< of the terminal, asked before each line
        std::function<void(std::string_view)> write{};
        std::function<Clock::time_point()> now = Clock::now;
    };

    Progress(Stream stream, std::string what, bool bytes, std::optional<std::uint64_t> total);
    ~Progress();
    Progress(Progress const &) = delete;
    Progress &operator=(Progress const &) = delete;

    /// Cheap enough for every piece of the work.
    void report(std::uint64_t done);

  private:
    void show(Clock::time_point now);

    Stream m_stream;
    ProgressState m_state{};
    Clock::time_point m_start;
    Clock::time_point m_next;
    bool m_visible = false;
};

}  // namespace relay::cli
