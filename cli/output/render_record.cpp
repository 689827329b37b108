#include "cli/output/relative_time.hpp"
#include "cli/output/render.hpp"
#include "cli/output/render_table_parts.hpp"
#include "cli/output/text_width.hpp"
#include "relay/model/text.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

/// A value is placed beside its label if at least this many columns are free there; otherwise below it.
constexpr std::size_t least_beside_label = 16;

bool is_shown_in_line(Field const &field) {
    return !field.label.empty() && !std::holds_alternative<std::monostate>(field.value) &&
           !std::holds_alternative<std::vector<Record>>(field.value);
}

/// Returns the padded `label` with the value's lines beside it, or below it if there is no room.
std::string labelled_lines(std::string const &label, std::size_t padded, std::string const &value,
                           std::optional<std::size_t> columns) {
    if (!columns || padded + display_width(value) <= *columns) {
        return pad_right(label, padded) + value + '\n';
    }
    std::size_t const indent = padded + least_beside_label <= *columns ? padded : label.find_first_not_of(' ') + 2;
    std::string lines = wrap_words(value, *columns, indent);
    return indent == padded ? pad_right(label, padded) + lines.substr(indent) : label + '\n' + lines;
}

}  // namespace

std::string people_text(Value const &value, Reader const &reader) {
    if (auto const *at = std::get_if<Instant>(&value)) {
        return describe_time(*at, reader.now);
    }
    if (auto const *phrase = std::get_if<Phrase>(&value)) {
        std::string text;
        for (auto const &part : *phrase) {
            auto const *at = std::get_if<Instant>(&part);
            text += at != nullptr ? describe_time(*at, reader.now) : escape_for_terminal(std::get<std::string>(part));
        }
        return text;
    }
    return escape_for_terminal(plain_text(value));
}

std::string record_text(Record const &record, Reader const &reader, std::size_t indent) {
    std::size_t widest = 0;
    for (Field const &field : record) {
        if (is_shown_in_line(field) && !std::holds_alternative<Record>(field.value)) {
            widest = std::max(widest, display_width(field.label));
        }
    }
    std::string text;
    for (Field const &field : record) {
        if (!is_shown_in_line(field)) {
            continue;
        }
        std::string const label = std::string(indent, ' ') + escape_for_terminal(field.label) + ':';
        if (auto const *inner = std::get_if<Record>(&field.value)) {
            text += label + '\n' + record_text(*inner, reader, indent + 2);
        } else {
            text += labelled_lines(label, indent + widest + 3, people_text(field.value, reader), reader.columns);
        }
    }
    return text;
}

}  // namespace relay::cli
