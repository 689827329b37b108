#include "cli/output/text_width.hpp"

#include "relay/model/text.hpp"
#include "relay/model/unicode.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

struct Range {
    char32_t first;
    char32_t last;
};

constexpr std::string_view ellipsis = "\u2026";

constexpr std::size_t longest_parenthesis = 20;

constexpr char32_t joiner = 0x200d;
constexpr char32_t emoji_style = 0xfe0f;
constexpr Range skin_tones{0x1f3fb, 0x1f3ff};
constexpr Range flag_letters{0x1f1e6, 0x1f1ff};

bool is_in(Range range, char32_t code_point) { return range.first <= code_point && code_point <= range.last; }

std::size_t width_of(char32_t code_point) { return static_cast<std::size_t>(column_width(code_point)); }

/// Returns whether U+FE0F turns the character into an emoji: keycaps, (c), (r), and the blocks of symbols. This is
/// coarse, because U+FE0F follows no other characters.
bool has_emoji_style(char32_t code_point) {
    return code_point == '#' || code_point == '*' || is_in(Range{'0', '9'}, code_point) || code_point == 0xa9 ||
           code_point == 0xae || is_in(Range{0x203c, 0x3299}, code_point) || code_point >= 0x1f000;
}

/// What a terminal shows as one character.
struct Cluster {
    std::size_t bytes = 0;
    std::size_t width = 0;
};

/// Returns the first cluster of `text`: a character with its marks, the two letters of a flag, or emoji with a skin
/// tone or joined by U+200D.
Cluster first_cluster(std::string_view text) {
    DecodedCodePoint const base = decode_utf8(text, 0);
    Cluster cluster{.bytes = base.length, .width = width_of(base.value)};
    bool joined = false;
    while (cluster.bytes < text.size()) {
        DecodedCodePoint const next = decode_utf8(text, cluster.bytes);
        bool const flag =
            is_in(flag_letters, base.value) && is_in(flag_letters, next.value) && cluster.bytes == base.length;
        bool const tone = is_in(skin_tones, next.value) && cluster.width == 2;
        if (flag || (next.value == emoji_style && has_emoji_style(base.value))) {
            cluster.width = 2;
        } else if (!joined && !tone && width_of(next.value) > 0) {
            break;
        }
        joined = next.value == joiner && cluster.width == 2;
        cluster.bytes += next.length;
    }
    return cluster;
}

/// Returns how many bytes of `text`, in whole clusters, fit in `width` columns.
std::size_t head_size(std::string_view text, std::size_t width) {
    std::size_t size = 0;
    while (size < text.size()) {
        Cluster const cluster = first_cluster(text.substr(size));
        if (cluster.width > width) {
            break;
        }
        width -= cluster.width;
        size += cluster.bytes;
    }
    return size;
}

bool is_ascii(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](char letter) { return (letter & 0x80) != 0; });
}

/// Removes the next word from `text`, with the blanks and newlines before it, and returns it; empty at the end. A short
/// parenthesis is one word: "(3 days ago)".
std::string_view take_word(std::string_view &text) {
    text.remove_prefix(std::min(text.find_first_not_of(" \n"), text.size()));
    std::size_t end = text.find_first_of(" \n");
    if (std::size_t const closing = text.find_first_of(")\n");
        text.starts_with('(') && closing <= longest_parenthesis) {
        end = text.find_first_of(" \n", closing);
    }
    std::string_view const word = text.substr(0, end);
    text.remove_prefix(word.size());
    return word;
}

}  // namespace

std::size_t display_width(std::string_view text) {
    if (is_printable_ascii(text)) {
        return text.size();
    }
    std::size_t width = 0;
    while (!text.empty()) {
        Cluster const cluster = first_cluster(text);
        width += cluster.width;
        text.remove_prefix(cluster.bytes);
    }
    return width;
}

void append_right(std::string &out, std::string_view text, std::size_t width) {
    std::size_t const own = display_width(text);
    out.append(text).append(width > own ? width - own : 0, ' ');
}

void append_left(std::string &out, std::string_view text, std::size_t width) {
    std::size_t const own = display_width(text);
    out.append(width > own ? width - own : 0, ' ').append(text);
}

std::string pad_right(std::string_view text, std::size_t width) {
    std::string padded;
    append_right(padded, text, width);
    return padded;
}

std::string pad_left(std::string_view text, std::size_t width) {
    std::string padded;
    append_left(padded, text, width);
    return padded;
}

std::string cut_to_width(std::string_view text, std::size_t width) {
    if (display_width(text) <= width) {
        return std::string(text);
    }
    if (width == 0) {
        return "";
    }
    std::string_view head = text.substr(0, head_size(text, width - 1));
    head = head.substr(0, head.find_last_not_of(' ') + 1);
    return std::string(head) + std::string(ellipsis);
}

std::vector<std::string> wrap_lines(std::string_view text, std::size_t width) {
    std::vector<std::string> lines(1);
    for (std::string_view word = take_word(text); !word.empty(); word = take_word(text)) {
        bool const first = lines.back().empty();
        if (display_width(lines.back()) + (first ? 0 : 1) + display_width(word) <= width) {
            lines.back() += (first ? "" : " ") + std::string(word);
            continue;
        }
        if (!first) {
            lines.emplace_back();
        }
        bool const may_be_cut =
            !is_ascii(word);  // also what is left of it when its other characters are on lines before
        while (may_be_cut && display_width(word) > width && head_size(word, width) > 0) {
            lines.back() = word.substr(0, head_size(word, width));
            word.remove_prefix(lines.back().size());
            lines.emplace_back();
        }
        lines.back() = word;
    }
    return lines;
}

std::string wrap_words(std::string_view text, std::size_t width, std::size_t indent) {
    std::string lines;
    for (std::string const &line : wrap_lines(text, width > indent ? width - indent : 1)) {
        lines += line.empty() ? "" : std::string(indent, ' ') + line + '\n';
    }
    return lines;
}

}  // namespace relay::cli
