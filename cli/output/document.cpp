#include "cli/output/document.hpp"

#include <utility>

namespace relay::cli {

Value::Value() noexcept = default;
Value::Value(std::monostate) noexcept {}
Value::Value(bool value) : variant(value) {}
Value::Value(std::int64_t value) : variant(value) {}
Value::Value(int value) : variant(std::int64_t{value}) {}
Value::Value(std::string value) : variant(std::move(value)) {}
Value::Value(char const *text) : variant(std::string(text)) {}
Value::Value(Instant value) : variant(value) {}
Value::Value(std::vector<std::string> value) : variant(std::move(value)) {}
Value::Value(std::vector<std::int64_t> value) : variant(std::move(value)) {}
Value::Value(JsonText value) : variant(std::move(value)) {}
Value::Value(Record value) : variant(std::move(value)) {}
Value::Value(std::vector<Record> value) : variant(std::move(value)) {}
Value::Value(Phrase value) : variant(std::move(value)) {}
Value::Value(Value const &other) = default;
Value::Value(Value &&other) noexcept = default;
Value &Value::operator=(Value const &other) = default;
Value &Value::operator=(Value &&other) noexcept = default;
Value::~Value() = default;

Field::Field(std::string a_key, std::string a_label, Value a_value, Room a_room)
    : key(std::move(a_key)), label(std::move(a_label)), value(std::move(a_value)), room(a_room) {}
Field::Field(Field const &other) = default;
Field::Field(Field &&other) noexcept = default;
Field &Field::operator=(Field const &other) = default;
Field &Field::operator=(Field &&other) noexcept = default;
Field::~Field() = default;

}  // namespace relay::cli
