#pragma once

#include <cstddef>
#include <string>
#include <vector>

/// How help pages are set: 80 columns, less on a narrow terminal; names on the left, what they mean on the right.
namespace relay::cli {

/// Columns of a page: 80, or those of the terminal on stdout if it has less.
std::size_t help_width();

struct HelpEntry {
    std::string name;
    std::string text;
};

/// Names on the left, wrapped texts on the right; a name too long for its column stands on a line of its own.
std::string two_columns(std::vector<HelpEntry> const &entries, std::size_t column);

/// Where the texts of `entries` begin: behind the longest name, but not too far to the right; on a narrow screen below
/// the names.
std::size_t column_for(std::vector<HelpEntry> const &entries);

}  // namespace relay::cli
