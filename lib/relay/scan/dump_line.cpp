#include "relay/scan/dump_line.hpp"

#include "relay/scan/characters.hpp"

#include <algorithm>

namespace relay::scan {
namespace {

constexpr std::size_t least_offset = 4;
constexpr std::size_t most_offset = 16;

/// The form of all groups of a line.
struct Form {
    std::size_t width = 0;  ///< in characters; 0: characters, as od -c prints them
    unsigned bits = 0;  ///< of a digit
    std::size_t bytes = 0;
};

bool is_blank(char c) { return c == ' ' || c == '\t'; }

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

std::optional<Form> form_of(std::size_t width) {
    switch (width) {
        case 2: return Form{2, 4, 1};
        case 3: return Form{3, 3, 1};
        case 4: return Form{4, 4, 2};
        case 6: return Form{6, 3, 2};
        case 8: return Form{8, 4, 4};
        case 16: return Form{16, 4, 8};
        default: return {};
    }
}

bool has_form(std::string_view group, Form const &form) {
    if (form.width == 0) {
        return group.size() <= 3;
    }
    // The last group of a dump may be shorter.
    bool const shorter = form.bits == 4 && group.size() < form.width && group.size() % 2 == 0;
    return (shorter || group.size() == form.width) && std::all_of(group.begin(), group.end(), [&](char c) {
               return form.bits == 4 ? is_hex_digit(c) : is_octal(c);
           });
}

std::optional<Form> choose_form(std::string_view group, std::string_view after, std::size_t width) {
    if (group.size() == 1 || group.front() == '\\' || (group.size() == 3 && has_characters(after))) {
        return Form{};
    }
    auto const before = form_of(width);
    return before && has_form(group, *before) ? before : form_of(group.size());
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

/// Appends the bytes of a group. Returns false if there is no room.
bool append(DumpLine &line, std::string_view group, Form const &form) {
    if (form.width == 0) {
        if (line.size == DumpLine::most_bytes) {
            return false;
        }
        line.bytes[line.size++] = character_of(group);
        return true;
    }
    std::uint64_t value = 0;
    for (char const c : group) {
        value = (value << form.bits) | static_cast<std::uint64_t>(hex_value(c));
    }
    std::size_t const count = form.bits == 4 ? group.size() / 2 : form.bytes;
    if (line.size + count > DumpLine::most_bytes) {
        return false;
    }
    for (std::size_t i = 0; i < count; ++i) {
        auto const byte = static_cast<char>(value >> (8 * (count - 1 - i)));
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

std::optional<DumpLine> read_dump_line(std::string_view text, std::size_t width) {
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
    std::optional<Form> form;
    for (std::size_t blanks = count_blanks(text); blanks > 0 && blanks < text.size(); blanks = count_blanks(text)) {
        text.remove_prefix(blanks);
        std::string_view const group = take_word(text);
        bool const first = !form;
        form = first ? choose_form(group, text, width) : form;
        // Two blanks are before the column of text; in dumps of single bytes, also in the middle, and before the last
        // group of xxd -e if it is shorter.
        bool const is_text = !first && form->bytes > 1 && form->bits == 4 && blanks > 1 &&
                             (group.size() == form->width || line.size % 16 == 0);
        if (form && form->width == 0 && !append_spaces(line, blanks + group.size())) {
            break;
        }
        if (!form || is_text || !has_form(group, *form) || !append(line, group, *form)) {
            break;
        }
    }
    if (line.size == 0) {
        return {};
    }
    constexpr std::size_t characters = 16;  // in a line of od -c; blanks at its end are not seen
    while (form->width == 0 && line.size < characters) {
        append(line, " ", *form);
    }
    line.width = form->width;
    line.has_words = form->bytes > 1;
    line.is_octal = form->bits != 4;
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
