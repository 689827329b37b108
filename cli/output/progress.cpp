#include "cli/output/progress.hpp"

#include "cli/output/byte_count.hpp"

#include "cli/output/text_width.hpp"
#include "cli/posix/signals.hpp"
#include "relay/model/text.hpp"

#include <array>

#include <fmt/format.h>

namespace relay::cli {

namespace {

using namespace std::chrono_literals;

constexpr auto first_at_terminal = 1s;
constexpr auto again_at_terminal = 200ms;
constexpr auto each_in_log = 10s;

constexpr char clear_line[] = "\r\033[K";

std::string amount(double number, bool bytes) {
    if (bytes) {
        return byte_count(number);
    }
    return number < 10 && number > 0 && number != static_cast<double>(static_cast<std::uint64_t>(number))
               ? fmt::format("{:.1f}", number)
               : fmt::format("{:.0f}", number);
}

std::string time_left(double seconds) {
    if (seconds < 100) {
        return fmt::format("{:.0f} s left", seconds);
    }
    return seconds < 100 * 60 ? fmt::format("{:.0f} min left", seconds / 60)
                              : fmt::format("{:.0f} h left", seconds / 3600);
}

/// Returns the text in at most `width` columns. The numbers matter more than the full name of the operation, so the
/// name is cut first.
std::string fitted_text(ProgressState state, std::size_t width) {
    constexpr std::size_t shortest_name = 12;
    std::string text = progress_text(state);
    std::size_t const name = display_width(state.what);
    if (std::size_t const own = display_width(text); own > width && name > shortest_name) {
        state.what = cut_to_width(state.what, name - std::min(own - width, name - shortest_name));
        text = progress_text(state);
    }
    return cut_to_width(text, width);
}

}  // namespace

std::string progress_text(ProgressState const &state) {
    auto const done = static_cast<double>(state.done);
    std::string text = escape_for_terminal(state.what) + ": ";
    if (state.total && state.bytes && *state.total > 0) {
        text += fmt::format("{:.0f} %, ", std::min(100.0, 100 * done / static_cast<double>(*state.total)));
    }
    text += amount(done, state.bytes);
    text += state.total ? " of " + amount(static_cast<double>(*state.total), state.bytes) : "";
    double const seconds = std::chrono::duration<double>(state.elapsed).count();
    if (state.done > 0 && seconds > 0) {
        double const rate = done / seconds;
        text += ", " + amount(rate, state.bytes) + "/s";
        if (state.total && *state.total > state.done) {
            text += ", " + time_left(static_cast<double>(*state.total - state.done) / rate);
        }
    }
    return text;
}

Progress::Progress(Stream stream, std::string what, bool bytes, std::optional<std::uint64_t> total)
    : m_stream(std::move(stream)),
      m_state{.what = std::move(what), .bytes = bytes, .total = total},
      m_start(m_stream.now()),
      m_next(m_start + (m_stream.kind == Stream::Kind::terminal ? Clock::duration(first_at_terminal)
                                                                : Clock::duration(each_in_log))) {}

Progress::~Progress() {
    if (m_visible) {
        m_stream.write(clear_line);
        set_last_words(nullptr);
    }
}

void Progress::report(std::uint64_t done) {
    m_state.done = done;
    if (m_stream.kind == Stream::Kind::none) {
        return;
    }
    if (Clock::time_point const now = m_stream.now(); now >= m_next) {
        show(now);
    }
}

void Progress::show(Clock::time_point now) {
    m_state.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - m_start);
    if (m_stream.kind == Stream::Kind::log) {
        m_stream.write(progress_text(m_state) + '\n');
        m_next = now + each_in_log;
        return;
    }
    // Leave one column free: a full line would wrap, and only its last part could be removed.
    m_visible = true;
    set_last_words(clear_line);
    m_stream.write(clear_line + fitted_text(m_state, m_stream.columns() - 1));
    m_next = now + again_at_terminal;
}

}  // namespace relay::cli
