#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace relay::cli {

/// What one dot of a Canvas shows.
enum class Ink : unsigned char { none, line, dots };

/// A grid of dots, drawn with characters: in braille (from U+2800) a character holds two by four dots; in ASCII it
/// holds one, `*` or `.`.
class Canvas {
  public:
    Canvas(std::size_t columns, std::size_t rows, bool braille);

    /// In dots.
    std::size_t width() const { return m_width; }
    std::size_t height() const { return m_height; }
    /// Inks the dot in column `x` from the left, row `y` from the top. Ignores a dot outside the canvas; dots never
    /// cover a line.
    void put(std::size_t x, std::size_t y, Ink ink);
    /// Inks the dots of column `x` from row `y1` to row `y2`, both included.
    void put_column(std::size_t x, std::size_t y1, std::size_t y2, Ink ink);
    /// Returns row `row` from the top as characters, without trailing blanks.
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
