#include "cli/documents/field_choice.hpp"

#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace relay::cli {

namespace {

auto with_key(std::string const &key) {
    return [&key](Field const &field) { return field.key == key; };
}

/// Returns a header for a field that people do not see otherwise: "Created by" for created_by.
std::string label_of(std::string label) {
    std::replace(label.begin(), label.end(), '_', ' ');
    if (label.front() >= 'a' && label.front() <= 'z') {
        label.front() = static_cast<char>(label.front() - 'a' + 'A');
    }
    return label;
}

[[noreturn]] void refuse(std::string const &unknown, Record const &all) {
    std::vector<std::string> known;
    for (Field const &field : all) {
        if (!field.key.empty()) {
            known.push_back(field.key);
        }
    }
    throw Error(
        ErrorKind::usage,
        fmt::format("--fields {}: this list has the fields {}", quote_for_message(unknown), fmt::join(known, ", ")),
        {.suggestions = closest(unknown, known)});
}

}  // namespace

FieldChoice::FieldChoice(std::vector<std::string> fields, Record const &all, OutputFormat format)
    : m_fields(std::move(fields)) {
    if (!m_fields.empty() && format == OutputFormat::id) {
        throw Error(ErrorKind::usage, "--fields and --output id cannot be used together",
                    {.why = "-o id prints only ids", .next = "use -o csv for several fields"});
    }
    for (auto field = m_fields.begin(); field != m_fields.end(); ++field) {
        if (std::none_of(all.begin(), all.end(), with_key(*field))) {
            refuse(*field, all);
        }
        if (std::find(m_fields.begin(), field, *field) != field) {
            throw Error(ErrorKind::usage, "--fields names " + *field + " twice");
        }
    }
}

Record FieldChoice::of(Record record) const {
    if (m_fields.empty()) {
        return record;
    }
    Record chosen;
    for (std::string const &key : m_fields) {
        auto const field = std::find_if(record.begin(), record.end(), with_key(key));
        if (field != record.end()) {
            chosen.emplace_back(key, field->label.empty() ? label_of(key) : field->label, std::move(field->value),
                                Room{.cut = field->room.cut});
        }
    }
    return chosen;
}

}  // namespace relay::cli
