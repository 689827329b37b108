#pragma once

#include "cli/output/document.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <vector>

/// Which columns of a table a terminal shows, and how wide. Numbers alone: what is in them is the renderer's matter.
namespace relay::cli {

/// How the instants of a table are told: all of them alike. Each form is narrower than the one before.
enum class TimeForm : std::size_t { both, absolute, relative };
inline constexpr std::array time_forms{TimeForm::both, TimeForm::absolute, TimeForm::relative};

struct ColumnNeed {
    std::array<std::size_t, time_forms.size()>
        widths{};  ///< of the widest cell or of the header, for each TimeForm; all the same for what is no instant
    std::size_t header = 0;  ///< width of the header
    bool empty = false;  ///< no row has anything in it
    Room room{};
};

struct TableFit {
    TimeForm form = TimeForm::both;
    std::vector<std::size_t> shown{};  ///< columns, by their place
    std::vector<std::size_t> widths{};  ///< of each of those
    std::vector<std::size_t> left_out{};  ///< columns with content for which there is no room
};

inline constexpr std::size_t column_gap = 2;

/// Fits columns into `width`. In this order: columns without content leave; instants get shorter and texts that may be cut are cut, down to
/// 16 columns; columns leave as their Room says; texts are cut down to 8. What is left over goes to the texts again.
/// Null if that is not enough, or if a screen of less than 60 columns would lose content: one record below the other is read more easily.
std::optional<TableFit> fit_table(std::vector<ColumnNeed> const &columns, std::size_t width);

}  // namespace relay::cli
