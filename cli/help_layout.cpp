#include "cli/help_layout.hpp"

#include "cli/text_width.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

constexpr std::size_t flag_column = 28;

}  // namespace

std::string two_columns(std::vector<HelpEntry> const &entries, std::size_t column) {
    std::string page;
    for (HelpEntry const &entry : entries) {
        std::string const left = "  " + entry.name;
        std::string right = wrap_words(entry.text, help_width, column);
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
    std::size_t widest = 0;
    for (HelpEntry const &entry : entries) {
        widest = std::max(widest, display_width(entry.name));
    }
    return std::min(widest + 4, flag_column);
}

}  // namespace relay::cli
