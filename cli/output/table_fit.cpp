#include "cli/output/table_fit.hpp"

#include <algorithm>
#include <numeric>

namespace relay::cli {

namespace {

constexpr std::size_t readable_text = 16;
constexpr std::size_t shortest_text = 8;
constexpr std::size_t narrow_screen = 60;

using Places = std::vector<std::size_t>;

class Fitting {
  public:
    Fitting(std::vector<ColumnNeed> const &columns, std::size_t width) : m_columns(columns), m_width(width) {}

    std::optional<TableFit> run() const {
        Places places(m_columns.size());
        std::iota(places.begin(), places.end(), std::size_t{0});
        if (fits(places, TimeForm::both, m_width)) {
            return make(std::move(places), TimeForm::both, readable_text);
        }
        std::erase_if(places, [&](std::size_t place) { return m_columns[place].empty; });
        while (true) {
            for (TimeForm const form : time_forms) {
                if (fits(places, form, readable_text)) {
                    return make(std::move(places), form, readable_text);
                }
            }
            auto const leaving = next_to_leave(places);
            if (leaving == places.end()) {
                break;
            }
            places.erase(leaving);
        }
        if (fits(places, TimeForm::relative, shortest_text)) {
            return make(std::move(places), TimeForm::relative, shortest_text);
        }
        return {};
    }

  private:
    std::size_t natural(std::size_t place, TimeForm form) const {
        return m_columns[place].widths[static_cast<std::size_t>(form)];
    }

    std::size_t least(std::size_t place, TimeForm form, std::size_t text) const {
        std::size_t const width = natural(place, form);
        return m_columns[place].room.cut ? std::min(width, std::max(text, m_columns[place].header)) : width;
    }

    bool fits(Places const &places, TimeForm form, std::size_t text) const {
        std::size_t total = 0;
        for (std::size_t const place : places) {
            total += (total == 0 ? 0 : column_gap) + least(place, form, text);
        }
        return total <= m_width;
    }

    /// Returns the next column to drop: of those that may be dropped, the one with the highest number, and of equal
    /// ones the last.
    Places::iterator next_to_leave(Places &places) const {
        auto best = places.end();
        for (auto at = places.begin(); at != places.end(); ++at) {
            int const leaves = m_columns[*at].room.leaves;
            if (leaves > 0 && (best == places.end() || leaves >= m_columns[*best].room.leaves)) {
                best = at;
            }
        }
        return best;
    }

    std::optional<TableFit> make(Places places, TimeForm form, std::size_t text) const {
        TableFit fit{.form = form, .shown = std::move(places)};
        for (std::size_t place = 0; place < m_columns.size(); ++place) {
            bool const shown = std::find(fit.shown.begin(), fit.shown.end(), place) != fit.shown.end();
            if (!shown && !m_columns[place].empty) {
                fit.left_out.push_back(place);
            }
        }
        if (!fit.left_out.empty() && m_width < narrow_screen) {
            return {};
        }
        share_out(fit, text);
        return fit;
    }

    /// Gives each column its natural width; then narrows the widest text, one column at a time, until all fit.
    void share_out(TableFit &fit, std::size_t text) const {
        std::size_t total = column_gap * (fit.shown.size() - (fit.shown.empty() ? 0 : 1));
        for (std::size_t const place : fit.shown) {
            fit.widths.push_back(natural(place, fit.form));
            total += fit.widths.back();
        }
        for (; total > m_width; --total) {
            std::size_t *widest = nullptr;
            for (std::size_t i = 0; i < fit.shown.size(); ++i) {
                bool const gives_way = fit.widths[i] > least(fit.shown[i], fit.form, text);
                if (gives_way && (widest == nullptr || fit.widths[i] >= *widest)) {
                    widest = &fit.widths[i];
                }
            }
            if (widest == nullptr) {
                break;
            }
            --*widest;
        }
    }

    std::vector<ColumnNeed> const &m_columns;
    std::size_t m_width;
};

}  // namespace

std::optional<TableFit> fit_table(std::vector<ColumnNeed> const &columns, std::size_t width) {
    return Fitting(columns, width).run();
}

}  // namespace relay::cli
