#pragma once

#include <cstddef>
#include <string>
#include <vector>

/// The layout of help pages: 80 columns, fewer on a narrow terminal; names on the left, meanings on the right.
namespace relay::cli {

/// Returns the columns of a page: 80, or those of the terminal on stdout if it has fewer.
std::size_t help_width();

struct HelpEntry {
    std::string name;
    std::string text;
};

/// Returns names on the left and wrapped texts on the right. A name that is too long gets its own line.
std::string two_columns(std::vector<HelpEntry> const &entries, std::size_t column);

/// Returns the column where the texts of `entries` begin: after the longest name, but not too far to the right. On a
/// narrow screen the texts are below the names.
std::size_t column_for(std::vector<HelpEntry> const &entries);

}  // namespace relay::cli
