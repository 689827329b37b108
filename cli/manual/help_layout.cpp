#include "cli/manual/help_layout.hpp"

#include "cli/output/screen.hpp"
#include "cli/output/text_width.hpp"

#include <algorithm>

#include <unistd.h>

namespace relay::cli {

namespace {

constexpr std::size_t flag_column = 28;
constexpr std::size_t narrow_screen = 60;
constexpr std::size_t below_names = 6;

}  // namespace

std::size_t help_width() {
    static std::size_t const width = std::min(std::size_t{80}, screen_of(STDOUT_FILENO).value_or(Screen()).columns);
    return width;
}

std::string two_columns(std::vector<HelpEntry> const &entries, std::size_t column) {
    std::string page;
    for (HelpEntry const &entry : entries) {
        std::string const left = "  " + entry.name;
        std::string right = wrap_words(entry.text, help_width(), column);
        if (display_width(left) + 2 <= column && !right.empty()) {
            right.erase(0, column);
            page += pad_right(left, column) + right;
        } else {
            page += left + '\n' + right;
        }
    }
    return page;
}

std::size_t column_for(std::vector<HelpEntry> const &entries) {
    if (help_width() < narrow_screen) {
        return below_names;
    }
    std::size_t widest = 0;
    for (HelpEntry const &entry : entries) {
        widest = std::max(widest, display_width(entry.name));
    }
    return std::min(widest + 4, flag_column);
}

}  // namespace relay::cli
