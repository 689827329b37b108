#pragma once

#include "cli/output/document.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <vector>

/// Decides which columns of a table a terminal shows, and how wide they are. It works with widths only, not with the
/// text in the cells.
namespace relay::cli {

/// How a table shows its instants, all in the same way. Each form is narrower than the one before.
enum class TimeForm : std::size_t { both, absolute, relative };
inline constexpr std::array time_forms{TimeForm::both, TimeForm::absolute, TimeForm::relative};

struct ColumnNeed {
    /// Width of the widest cell or of the header, for each TimeForm; all equal for a column without instants.
    std::array<std::size_t, time_forms.size()> widths{};
    std::size_t header = 0;  ///< width of the header
    bool empty = false;  ///< no row has a value in it
    Room room{};
};

struct TableFit {
    TimeForm form = TimeForm::both;
    std::vector<std::size_t> shown{};  ///< columns, by position
    std::vector<std::size_t> widths{};  ///< width of each shown column
    std::vector<std::size_t> left_out{};  ///< columns with content that did not fit
};

inline constexpr std::size_t column_gap = 2;

/// Fits columns into `width`. In this order: drops columns without content; shortens instants, and cuts texts that may
/// be cut, down to 16 columns; drops columns in the order of their Room; cuts texts down to 8. Space that is left goes
/// back to the texts. None if that is not enough, or if content would be lost on a screen of less than 60 columns:
/// there, one record below the other is easier to read.
std::optional<TableFit> fit_table(std::vector<ColumnNeed> const &columns, std::size_t width);

}  // namespace relay::cli
