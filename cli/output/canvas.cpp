#include "cli/output/canvas.hpp"

#include <algorithm>
#include <array>

namespace relay::cli {

namespace {

constexpr std::size_t braille_width = 2;
constexpr std::size_t braille_height = 4;
/// The bit of each dot, by row and column: dots 1 2 3 7 on the left, 4 5 6 8 on the right.
/// Source: Unicode, chapter "Braille Patterns".
constexpr std::array<std::array<unsigned, braille_width>, braille_height> braille_bits{
    {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}};

}  // namespace

Canvas::Canvas(std::size_t columns, std::size_t rows, bool braille)
    : m_braille(braille),
      m_width(columns * (braille ? braille_width : 1)),
      m_height(rows * (braille ? braille_height : 1)),
      m_dots(m_width * m_height, Ink::none) {}

void Canvas::put(std::size_t x, std::size_t y, Ink ink) {
    if (x < m_width && y < m_height && at(x, y) != Ink::line) {
        m_dots[y * m_width + x] = ink;
    }
}

void Canvas::put_column(std::size_t x, std::size_t y1, std::size_t y2, Ink ink) {
    auto const [top, bottom] = std::minmax(y1, y2);
    for (std::size_t y = top; y <= bottom; ++y) {
        put(x, y, ink);
    }
}

std::string Canvas::braille_cell(std::size_t column, std::size_t row) const {
    unsigned bits = 0;
    for (std::size_t y = 0; y < braille_height; ++y) {
        for (std::size_t x = 0; x < braille_width; ++x) {
            bool const inked = at(column * braille_width + x, row * braille_height + y) != Ink::none;
            bits |= inked ? braille_bits[y][x] : 0;
        }
    }
    if (bits == 0) {
        return " ";
    }
    // U+2800 + bits in UTF-8
    return {'\xE2', static_cast<char>(0xA0 + (bits >> 6)), static_cast<char>(0x80 + (bits & 0x3F))};
}

std::string Canvas::row(std::size_t row) const {
    std::string text;
    if (m_braille) {
        for (std::size_t column = 0; column < m_width / braille_width; ++column) {
            text += braille_cell(column, row);
        }
    } else {
        for (std::size_t x = 0; x < m_width; ++x) {
            Ink const ink = at(x, row);
            text += ink == Ink::line ? '*' : ink == Ink::dots ? '.' : ' ';
        }
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
}

}  // namespace relay::cli
