#include "cli/output/chart.hpp"

#include "cli/output/canvas.hpp"
#include "cli/output/screen.hpp"
#include "cli/output/text_width.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

namespace relay::cli {

namespace {

constexpr std::size_t narrowest = 40;
constexpr std::size_t widest_chart = 100;  ///< a wider chart shows no more detail
constexpr std::size_t lowest = 4;
constexpr std::size_t highest = 12;
constexpr auto in_hours = std::chrono::days(3);  ///< on a shorter axis, labels are times of day instead of dates

std::int64_t most_of(Chart const &chart) {
    std::int64_t most = chart.line_from.count;
    for (Chart::Point const &point : chart.points) {
        most = std::max(most, point.count);
    }
    return most;
}

/// Maps counts and times to dots.
class Scale {
  public:
    Scale(Chart const &chart, Canvas const &canvas)
        : m_chart(chart), m_width(canvas.width()), m_height(canvas.height()), m_most(most_of(chart)) {}

    Instant at(std::size_t x) const {
        double const part = static_cast<double>(x) / static_cast<double>(m_width - 1);
        return m_chart.begin + std::chrono::round<Instant::duration>(
                                   part * std::chrono::duration<double, std::micro>(m_chart.end - m_chart.begin));
    }
    std::size_t x(Instant at) const {
        double const part = std::chrono::duration<double>(at - m_chart.begin) / (m_chart.end - m_chart.begin);
        return static_cast<std::size_t>(std::lround(std::clamp(part, 0.0, 1.0) * static_cast<double>(m_width - 1)));
    }
    std::size_t y(double count) const {
        double const part = count / static_cast<double>(m_most);
        return static_cast<std::size_t>(std::lround((1 - part) * static_cast<double>(m_height - 1)));
    }

  private:
    Chart const &m_chart;
    std::size_t m_width;
    std::size_t m_height;
    std::int64_t m_most;
};

/// Returns the last count that is not after `at`: each count holds until the next.
std::int64_t count_at(Chart const &chart, Instant at) {
    auto const after = std::upper_bound(chart.points.begin(), chart.points.end(), at,
                                        [](Instant given, Chart::Point const &point) { return given < point.at; });
    return after == chart.points.begin() ? after->count : std::prev(after)->count;
}

void draw_counts(Chart const &chart, Scale const &scale, Canvas &canvas) {
    std::size_t const last = scale.x(chart.points.back().at);
    std::optional<std::size_t> before;
    for (std::size_t x = scale.x(chart.points.front().at); x <= last; ++x) {
        std::int64_t const count = x == last ? chart.points.back().count : count_at(chart, scale.at(x));
        std::size_t const y = scale.y(static_cast<double>(count));
        canvas.put_column(x, before.value_or(y), y, Ink::line);
        before = y;
    }
}

void draw_line(Chart const &chart, Scale const &scale, Canvas &canvas) {
    auto const length = std::chrono::duration<double>(chart.line_to - chart.line_from.at);
    std::size_t const gap = std::max<std::size_t>(canvas.width() / 40, 2);
    for (std::size_t x = scale.x(chart.line_from.at); length.count() > 0 && x <= scale.x(chart.line_to); ++x) {
        double const rest = std::clamp((chart.line_to - scale.at(x)) / length, 0.0, 1.0);
        if (x % gap == 0) {
            canvas.put(x, scale.y(static_cast<double>(chart.line_from.count) * rest), Ink::dots);
        }
    }
}

/// Returns "11-22", or "06:30" if the whole axis spans only a few days. Both are parts of `YYYY-MM-DDTHH:MM:SSZ`.
std::string time_label(Chart const &chart, Instant at) {
    std::string const text = format_instant_seconds(at);
    return chart.end - chart.begin > in_hours ? text.substr(5, 5) : text.substr(11, 5);
}

/// Puts `label` below column `x`, moved left if it would not fit; leaves it out if another label is in the way.
void put_label(std::string &line, std::size_t x, std::string const &label) {
    std::size_t const begin = std::min(x, line.size() - std::min(line.size(), label.size()));
    bool const fits = begin + label.size() <= line.size();
    std::size_t const from = begin == 0 ? 0 : begin - 1;
    if (fits && line.substr(from, label.size() + 2).find_first_not_of(' ') == line.npos) {
        line.replace(begin, label.size(), label);
    }
}

struct Axis {
    std::string rule{};
    std::string labels{};
};

Axis time_axis(Chart const &chart, Scale const &scale, std::size_t columns, std::size_t dots, bool draws) {
    auto const column_of = [&](Instant at) { return scale.x(at) * columns / dots; };
    std::size_t const now = column_of(chart.points.back().at);
    std::size_t const mark = column_of(chart.line_to);
    Axis axis;
    for (std::size_t column = 0; column < columns; ++column) {
        bool const tick = column == 0 || column == now || column == mark;
        axis.rule += draws ? (tick ? "┬" : "─") : (tick ? "+" : "-");
    }
    axis.labels = std::string(columns, ' ');
    put_label(axis.labels, mark, time_label(chart, chart.line_to) + ' ' + chart.mark_label);
    put_label(axis.labels, 0, time_label(chart, chart.begin));
    put_label(axis.labels, now, "now");
    axis.labels.erase(axis.labels.find_last_not_of(' ') + 1);
    return axis;
}

std::string legend(Chart const &chart, bool draws) {
    return chart.title + (draws ? "  ⠤⠤ left  ⠄⠠ " : "  ** left  .. ") + chart.line_label + '\n';
}

}  // namespace

std::string draw_chart(Chart const &chart, Screen const &screen) {
    std::int64_t const most = most_of(chart);
    if (screen.columns < narrowest || chart.points.empty() || chart.end <= chart.begin || most == 0) {
        return {};
    }
    std::size_t const rows = std::clamp(screen.lines / 3, lowest, highest);
    std::size_t const label_width = std::to_string(most).size();
    std::size_t const columns = std::min(screen.columns, widest_chart) - label_width - 2;
    Canvas canvas(columns, rows, screen.draws);
    Scale const scale(chart, canvas);
    draw_counts(chart, scale, canvas);
    draw_line(chart, scale, canvas);

    std::string text = legend(chart, screen.draws);
    for (std::size_t row = 0; row < rows; ++row) {
        bool const middle = row == rows / 2 && most > 1;
        std::string const label = row == 0 ? std::to_string(most) : middle ? std::to_string(most / 2) : "";
        std::string const edge = label.empty() ? (screen.draws ? "│" : "|") : (screen.draws ? "┤" : "+");
        text += pad_left(label, label_width) + ' ' + edge + canvas.row(row) + '\n';
    }
    Axis const axis = time_axis(chart, scale, columns, canvas.width(), screen.draws);
    text += pad_left("0", label_width) + (screen.draws ? " └" : " +") + axis.rule + '\n';
    return text + std::string(label_width + 2, ' ') + axis.labels + '\n';
}

}  // namespace relay::cli
