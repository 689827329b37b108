#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace relay::cli {

/// How far a long operation is. A use case reports two numbers, done and total, and knows nothing about the display.
struct ProgressState {
    std::string what{};  ///< "scanning app.log", "rotating keys"
    bool bytes = false;  ///< `done` and `total` count bytes, not items
    std::uint64_t done = 0;
    std::optional<std::uint64_t> total{};
    std::chrono::milliseconds elapsed{};
};

/// Returns "scanning app.log: 45 %, 1.2 GB of 2.7 GB, 310 MB/s, 5 s left" or "rotating keys: 45 of 1000, 12/s, 2 min
/// left"; without a total "scanning stdin: 1.2 GB, 310 MB/s". The rate is the average over the whole run.
std::string progress_text(ProgressState const &state);

/// Shows progress on stderr. At a terminal: after one second, a single line that is overwritten and finally removed,
/// even if a signal ends the program. Otherwise: a new line every 10 s.
class Progress {
  public:
    using Clock = std::chrono::steady_clock;

    /// Where progress is shown.
    struct Stream {
        enum class Kind { none, terminal, log } kind = Kind::none;
        std::function<std::size_t()> columns{};  ///< width of the terminal, queried before each line
        std::function<void(std::string_view)> write{};
        std::function<Clock::time_point()> now = Clock::now;
    };

    Progress(Stream stream, std::string what, bool bytes, std::optional<std::uint64_t> total);
    ~Progress();
    Progress(Progress const &) = delete;
    Progress &operator=(Progress const &) = delete;

    /// Reports how much is done. Cheap enough to call for every item.
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
