#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace relay::cli {

/// What stands in one dot of a Canvas.
enum class Ink : unsigned char { none, line, dots };

/// Characters to draw on. In braille (U+2800 and on) each of them holds two dots by four; in ASCII one, a `*` or a `.`.
class Canvas {
  public:
    Canvas(std::size_t columns, std::size_t rows, bool braille);

    /// In dots.
    std::size_t width() const { return m_width; }
    std::size_t height() const { return m_height; }
    /// Column `x` from the left, row `y` from above; a dot outside is left out, and a line is not covered by dots.
    void put(std::size_t x, std::size_t y, Ink ink);
    /// All dots of a column between two rows, these included.
    void put_column(std::size_t x, std::size_t y1, std::size_t y2, Ink ink);
    /// One row of characters from above, without the blanks at its end.
    std::string row(std::size_t row) const;

  private:
    Ink at(std::size_t x, std::size_t y) const { return m_dots[y * m_width + x]; }
    std::string braille_cell(std::size_t column, std::size_t row) const;

    bool m_braille;
    std::size_t m_width;
    std::size_t m_height;
    std::vector<Ink> m_dots;
};

}  // namespace relay::cli
