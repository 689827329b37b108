#include "cli/text_width.hpp"

#include <algorithm>
#include <array>

namespace relay::cli {

namespace {

struct Range {
    char32_t first;
    char32_t last;
};

constexpr std::array zero_width{
    Range{0x0300, 0x036f}, Range{0x0483, 0x0489}, Range{0x0591, 0x05bd},  Range{0x0610, 0x061a}, Range{0x064b, 0x065f},
    Range{0x0670, 0x0670}, Range{0x06d6, 0x06dc}, Range{0x06df, 0x06e4},  Range{0x06e7, 0x06e8}, Range{0x06ea, 0x06ed},
    Range{0x0900, 0x0902}, Range{0x093c, 0x093c}, Range{0x0941, 0x0948},  Range{0x094d, 0x094d}, Range{0x0e31, 0x0e31},
    Range{0x0e34, 0x0e3a}, Range{0x0e47, 0x0e4e}, Range{0x1ab0, 0x1aff},  Range{0x1dc0, 0x1dff}, Range{0x200b, 0x200d},
    Range{0x2060, 0x2064}, Range{0x20d0, 0x20ff}, Range{0x302a, 0x302d},  Range{0x3099, 0x309a}, Range{0xfe00, 0xfe0f},
    Range{0xfe20, 0xfe2f}, Range{0xfeff, 0xfeff}, Range{0xe0100, 0xe01ef}};

constexpr std::array double_width{
    Range{0x1100, 0x115f},   Range{0x231a, 0x231b},   Range{0x2329, 0x232a},   Range{0x23e9, 0x23ec},
    Range{0x23f0, 0x23f0},   Range{0x23f3, 0x23f3},   Range{0x25fd, 0x25fe},   Range{0x2614, 0x2615},
    Range{0x2648, 0x2653},   Range{0x267f, 0x267f},   Range{0x2693, 0x2693},   Range{0x26a1, 0x26a1},
    Range{0x26aa, 0x26ab},   Range{0x26bd, 0x26be},   Range{0x26c4, 0x26c5},   Range{0x26ce, 0x26ce},
    Range{0x26d4, 0x26d4},   Range{0x26ea, 0x26ea},   Range{0x26f2, 0x26f3},   Range{0x26f5, 0x26f5},
    Range{0x26fa, 0x26fa},   Range{0x26fd, 0x26fd},   Range{0x2705, 0x2705},   Range{0x270a, 0x270b},
    Range{0x2728, 0x2728},   Range{0x274c, 0x274c},   Range{0x274e, 0x274e},   Range{0x2753, 0x2755},
    Range{0x2757, 0x2757},   Range{0x2795, 0x2797},   Range{0x27b0, 0x27b0},   Range{0x27bf, 0x27bf},
    Range{0x2b1b, 0x2b1c},   Range{0x2b50, 0x2b50},   Range{0x2b55, 0x2b55},   Range{0x2e80, 0x303e},
    Range{0x3041, 0x33ff},   Range{0x3400, 0x4dbf},   Range{0x4e00, 0x9fff},   Range{0xa000, 0xa4cf},
    Range{0xa960, 0xa97c},   Range{0xac00, 0xd7a3},   Range{0xf900, 0xfaff},   Range{0xfe10, 0xfe19},
    Range{0xfe30, 0xfe6f},   Range{0xff01, 0xff60},   Range{0xffe0, 0xffe6},   Range{0x16fe0, 0x18cff},
    Range{0x1b000, 0x1b2ff}, Range{0x1f004, 0x1f004}, Range{0x1f0cf, 0x1f0cf}, Range{0x1f18e, 0x1f18e},
    Range{0x1f191, 0x1f19a}, Range{0x1f200, 0x1f320}, Range{0x1f32d, 0x1f335}, Range{0x1f337, 0x1f37c},
    Range{0x1f37e, 0x1f393}, Range{0x1f3a0, 0x1f3ca}, Range{0x1f3cf, 0x1f3d3}, Range{0x1f3e0, 0x1f3f0},
    Range{0x1f3f4, 0x1f3f4}, Range{0x1f3f8, 0x1f43e}, Range{0x1f440, 0x1f440}, Range{0x1f442, 0x1f4fc},
    Range{0x1f4ff, 0x1f53d}, Range{0x1f54b, 0x1f54e}, Range{0x1f550, 0x1f567}, Range{0x1f57a, 0x1f57a},
    Range{0x1f595, 0x1f596}, Range{0x1f5a4, 0x1f5a4}, Range{0x1f5fb, 0x1f64f}, Range{0x1f680, 0x1f6c5},
    Range{0x1f6cc, 0x1f6cc}, Range{0x1f6d0, 0x1f6d2}, Range{0x1f6d5, 0x1f6d7}, Range{0x1f6dc, 0x1f6df},
    Range{0x1f6eb, 0x1f6ec}, Range{0x1f6f4, 0x1f6fc}, Range{0x1f7e0, 0x1f7eb}, Range{0x1f7f0, 0x1f7f0},
    Range{0x1f90c, 0x1f93a}, Range{0x1f93c, 0x1f945}, Range{0x1f947, 0x1f9ff}, Range{0x1fa70, 0x1faff},
    Range{0x20000, 0x3fffd}};

template <std::size_t size>
bool is_in(std::array<Range, size> const &ranges, char32_t code_point) {
    auto const at = std::lower_bound(ranges.begin(), ranges.end(), code_point,
                                     [](Range const &range, char32_t wanted) { return range.last < wanted; });
    return at != ranges.end() && at->first <= code_point;
}

/// The code point at the head of `text`, which is well-formed; takes it off.
char32_t take_code_point(std::string_view &text) {
    auto const lead = static_cast<unsigned char>(text.front());
    std::size_t const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    char32_t code_point = length == 1 ? lead : lead & (0x7fu >> length);
    for (std::size_t i = 1; i < length && i < text.size(); ++i) {
        code_point = (code_point << 6) | (static_cast<unsigned char>(text[i]) & 0x3fu);
    }
    text.remove_prefix(std::min(length, text.size()));
    return code_point;
}

}  // namespace

std::size_t display_width(std::string_view text) {
    std::size_t width = 0;
    while (!text.empty()) {
        char32_t const code_point = take_code_point(text);
        if (code_point < zero_width.front().first) {
            ++width;
        } else if (!is_in(zero_width, code_point)) {
            width += is_in(double_width, code_point) ? 2u : 1u;
        }
    }
    return width;
}

std::string pad_right(std::string_view text, std::size_t width) {
    std::size_t const own = display_width(text);
    return std::string(text) + std::string(width > own ? width - own : 0, ' ');
}

std::string pad_left(std::string_view text, std::size_t width) {
    std::size_t const own = display_width(text);
    return std::string(width > own ? width - own : 0, ' ') + std::string(text);
}

std::string wrap_words(std::string_view text, std::size_t width, std::size_t indent) {
    std::string lines;
    std::string line;
    while (true) {
        std::size_t const start = text.find_first_not_of(" \n");
        if (start == text.npos) {
            break;
        }
        text.remove_prefix(start);
        std::string_view const word = text.substr(0, text.find_first_of(" \n"));
        text.remove_prefix(word.size());
        if (!line.empty() && indent + display_width(line) + 1 + display_width(word) > width) {
            lines += std::string(indent, ' ') + line + '\n';
            line.clear();
        }
        line += (line.empty() ? "" : " ") + std::string(word);
    }
    return line.empty() ? lines : lines + std::string(indent, ' ') + line + '\n';
}

}  // namespace relay::cli
