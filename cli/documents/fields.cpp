#include "cli/documents/fields.hpp"

#include <algorithm>

namespace relay::cli {

// Not inline: moved into place in sight of the compiler, g++ 12 -O2 takes parts of an emptied Value for uninitialised.
Field machine_only(std::string key, Value value) { return {std::move(key), "", std::move(value)}; }

Field people_only(std::string label, Value value) { return {"", std::move(label), std::move(value)}; }

Field unless_empty(std::string key, std::string label, std::vector<std::string> const &texts) {
    return {std::move(key), texts.empty() ? "" : std::move(label), texts};
}

Record blank(Record record) {
    for (Field &field : record) {
        field.value = Value();
    }
    return record;
}

Record hide(Record record, std::initializer_list<std::string_view> keys) {
    for (Field &field : record) {
        if (std::find(keys.begin(), keys.end(), field.key) != keys.end()) {
            field.label.clear();
        }
    }
    return record;
}

void set(Record &record, std::string_view key, Value value) {
    auto const found =
        std::find_if(record.begin(), record.end(), [key](Field const &field) { return field.key == key; });
    found->value = std::move(value);
}

void append(Record &record, Record more) {
    record.insert(record.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

Value seconds_or_null(std::optional<std::chrono::seconds> const &duration) {
    return duration ? Value(std::int64_t{duration->count()}) : Value();
}

std::string describe_age_limit(std::optional<std::chrono::seconds> const &limit) {
    return limit ? format_duration(*limit) : "none";
}

Value or_null(std::string const &text) { return text.empty() ? Value() : Value(text); }

}  // namespace relay::cli
