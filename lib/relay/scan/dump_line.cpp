#include "relay/scan/dump_line.hpp"

#include "relay/scan/characters.hpp"

#include <algorithm>

namespace relay::scan {
namespace {

constexpr std::size_t least_offset = 4;
constexpr std::size_t most_offset = 16;

using Form = DumpLine::Groups;

std::size_t count_blanks(std::string_view text) {
    auto const end = std::find_if_not(text.begin(), text.end(), is_blank);
    return static_cast<std::size_t>(end - text.begin());
}

std::string_view take_word(std::string_view &text) {
    auto const end = std::find_if(text.begin(), text.end(), is_blank);
    std::string_view const word = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(word.size());
    return word;
}

/// Returns whether a group is one character, as only od -c prints them.
bool has_characters(std::string_view groups) {
    while (!groups.empty()) {
        groups.remove_prefix(count_blanks(groups));
        if (take_word(groups).size() == 1) {
            return true;
        }
    }
    return false;
}

bool is_digit_of(char c, unsigned bits) {
    int const value = hex_value(c);
    return value >= 0 && value < (1 << bits);
}

bool has_digits_of(std::string_view group, unsigned bits) {
    return std::all_of(group.begin(), group.end(), [bits](char c) { return is_digit_of(c, bits); });
}

/// Returns whether `group` and those of its width that follow are octal words: at most 177777.
bool are_octal_words(std::string_view group, std::string_view after) {
    constexpr std::size_t width = 6;
    for (; group.size() == width; group = take_word(after)) {
        if (group.front() > '1' || !has_digits_of(group, 3)) {
            return false;
        }
        after.remove_prefix(count_blanks(after));
    }
    return true;
}

/// Returns the form that the first group of a dump has; that of characters, of which no group is so wide, if none.
Form form_of(std::string_view group, std::string_view after) {
    constexpr std::size_t widest = 32;  // 16 bytes, as xxd -g0 prints them
    std::size_t const width = group.size();
    if (width == 3) {
        return Form{width, 3, 1};
    }
    if (width == 6 && are_octal_words(group, after)) {
        return Form{width, 3, 2};
    }
    if (width == 8 && has_digits_of(group, 1)) {
        return Form{width, 1, 1};  // in hexadecimal, that would be no text
    }
    return width % 2 == 0 && width <= widest ? Form{width, 4, width / 2} : Form{};
}

bool has_form(std::string_view group, Form const &form) {
    if (form.width == 0) {
        return group.size() <= 3;
    }
    // The last group of a dump may be shorter.
    bool const shorter = form.bits == 4 && group.size() < form.width && group.size() % 2 == 0;
    return (shorter || group.size() == form.width) && has_digits_of(group, form.bits);
}

Form choose_form(std::string_view group, std::string_view after, Form const &before) {
    bool const may_be_name =
        group.size() == 3 || (group.size() == 2 && !has_digits_of(group, 4));  // `nul`, `sp` of od -a
    if (group.size() == 1 || group.front() == '\\' || (may_be_name && has_characters(after))) {
        return Form{};
    }
    return before.width > 0 && has_form(group, before) ? before : form_of(group, after);
}

/// Returns the character that od -c prints as `group`.
char character_of(std::string_view group) {
    if (group.size() == 1) {
        return group.front();
    }
    if (group.size() == 3 && std::all_of(group.begin(), group.end(), is_octal)) {
        return static_cast<char>((group[0] - '0') * 64 + (group[1] - '0') * 8 + (group[2] - '0'));
    }
    return group == "\\0" ? '\0' : '\n';
}

/// Returns a byte of a group that has `count` of them.
char byte_of(std::string_view group, unsigned bits, std::size_t count, std::size_t at) {
    constexpr std::size_t digits_of_byte = 2;  // in hexadecimal, where a group may be as long as a line
    unsigned value = 0;
    for (char const c : bits == 4 ? group.substr(digits_of_byte * at, digits_of_byte) : group) {
        value = (value << bits) | static_cast<unsigned>(hex_value(c));
    }
    return static_cast<char>(bits == 4 ? value : value >> (8 * (count - 1 - at)));
}

/// Appends the bytes of a group. Returns false if there is no room.
bool append(DumpLine &line, std::string_view group, Form const &form) {
    if (form.width == 0) {
        if (line.size == DumpLine::most_bytes) {
            return false;
        }
        line.bytes[line.size++] = character_of(group);
        return true;
    }
    std::size_t const count = form.bits == 4 ? group.size() / 2 : form.bytes;
    if (line.size + count > DumpLine::most_bytes) {
        return false;
    }
    for (std::size_t i = 0; i < count; ++i) {
        char const byte = byte_of(group, form.bits, count, i);
        line.bytes[line.size + i] = byte;
        line.swapped[line.size + count - 1 - i] = byte;
    }
    line.size += count;
    return true;
}

/// Appends the blanks that are characters of an od -c, where each has four columns.
bool append_spaces(DumpLine &line, std::size_t columns) {
    for (; columns >= 8; columns -= 4) {
        if (!append(line, " ", {})) {
            return false;
        }
    }
    return true;
}

}  // namespace

std::optional<DumpLine> read_dump_line(std::string_view text, Form const &before) {
    text.remove_prefix(count_blanks(text));
    if (text.starts_with("0x")) {
        text.remove_prefix(2);
    }
    DumpLine line;
    auto const digits =
        static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_hex_digit) - text.begin());
    if (digits < least_offset || digits > most_offset) {
        return {};
    }
    line.offset = text.substr(0, digits);
    text.remove_prefix(digits);
    if (text.starts_with(':')) {
        text.remove_prefix(1);
    }
    Form form;
    // xxd has two blanks before the column of text. hexdump -x has more between all groups.
    std::size_t const first_blanks = count_blanks(text);
    std::size_t const most_blanks = first_blanks > 2 ? first_blanks : 1;
    bool first = true;
    for (std::size_t blanks = first_blanks; blanks > 0 && blanks < text.size(); blanks = count_blanks(text)) {
        text.remove_prefix(blanks);
        std::string_view const group = take_word(text);
        form = first ? choose_form(group, text, before) : form;
        // In dumps of single bytes, two blanks are also in the middle; and before the last group of xxd -e if it is
        // shorter.
        bool const is_text = !first && form.bytes > 1 && form.bits == 4 && blanks > most_blanks &&
                             (group.size() == form.width || line.size % 16 == 0);
        if (is_text || !has_form(group, form) || (form.width == 0 && !append_spaces(line, blanks + group.size())) ||
            !append(line, group, form)) {
            break;
        }
        first = false;
    }
    if (line.size == 0) {
        return {};
    }
    constexpr std::size_t characters = 16;  // in a line of od -c; blanks at its end are not seen
    while (form.width == 0 && line.size < characters) {
        append(line, " ", form);
    }
    line.groups = form;
    return line;
}

std::optional<std::uint64_t> read_offset(std::string_view digits, unsigned base) {
    std::uint64_t value = 0;
    for (char const c : digits) {
        if (static_cast<unsigned>(hex_value(c)) >= base) {
            return {};
        }
        value = value * base + static_cast<unsigned>(hex_value(c));
    }
    return value;
}

}  // namespace relay::scan
