#pragma once

#include "cli/output/document.hpp"
#include "relay/model/ids.hpp"
#include "relay/model/time.hpp"

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Building blocks for the records of this folder.
namespace relay::cli {

/// Returns a field that only the machine formats have.
Field machine_only(std::string key, Value value);

/// Returns a line only for people: it says in words what machines get in other fields.
Field people_only(std::string label, Value value);

/// Returns a list that people see only if it is not empty.
Field unless_empty(std::string key, std::string label, std::vector<std::string> const &texts);
template <HasText T>
Field unless_empty(std::string key, std::string label, std::vector<T> const &values) {
    return unless_empty(std::move(key), std::move(label), texts_of(values));
}

/// Returns an id that belongs to nothing, for a record of which only the columns are needed.
template <typename Id>
Id any_id() {
    return Id::parse("000000000000");
}

/// Returns the same fields without values: the columns of a list.
Record blank(Record record);

/// Returns the same record, but with these fields only in the machine formats.
Record hide(Record record, std::initializer_list<std::string_view> keys);

/// Sets a field of the record; the record must have it.
void set(Record &record, std::string_view key, Value value);

/// Appends `more` to `record`.
void append(Record &record, Record more);

/// Returns a member of an optional value; null if there is no value.
template <typename T, typename Member>
Value value_of(std::optional<T> const &what, Member T::*member) {
    return what ? Value((*what).*member) : Value();
}

/// Returns the number of seconds, or null.
Value seconds_or_null(std::optional<std::chrono::seconds> const &duration);
/// Returns "90d", or "none" if age alone makes no key due.
std::string describe_age_limit(std::optional<std::chrono::seconds> const &limit);

/// Returns the text, or null if it is empty.
Value or_null(std::string const &text);

}  // namespace relay::cli
