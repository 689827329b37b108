#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace relay::cli {

/// Aligned columns under a header, two blanks apart, each as wide as its widest cell. Cells must be safe for a terminal
/// (escape_for_terminal).
class TextTable {
  public:
    /// Adds a column. Its header is shown in capitals.
    void add_column(std::string_view header);
    /// Adds a row, with one cell per column.
    void add_row(std::vector<std::string> cells) { m_rows.push_back(std::move(cells)); }
    /// Aligns a column to the right, for numbers.
    void align_right(std::size_t column) { m_right[column] = true; }

    std::string str() const;

  private:
    std::vector<std::string> m_headers{};
    std::vector<bool> m_right{};
    std::vector<std::vector<std::string>> m_rows{};
};

}  // namespace relay::cli
