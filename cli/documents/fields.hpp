#pragma once

#include "cli/output/document.hpp"
#include "relay/model/ids.hpp"
#include "relay/model/time.hpp"

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The small parts of which the records of this folder are made.
namespace relay::cli {

/// A field of the machine formats that people are not shown.
Field machine_only(std::string key, Value value);

/// A line for people alone: what machines have in fields of their own, said in words.
Field people_only(std::string label, Value value);

/// A list that people are shown only if there is something in it.
Field unless_empty(std::string key, std::string label, std::vector<std::string> const &texts);
template <HasText T>
Field unless_empty(std::string key, std::string label, std::vector<T> const &values) {
    return unless_empty(std::move(key), std::move(label), texts_of(values));
}

/// An id for a record of which only the columns are needed: it is nobody's.
template <typename Id>
Id any_id() {
    return Id::parse("000000000000");
}

/// The same fields without values: a list's columns.
Record blank(Record record);

/// The same record, with these fields left to the machine formats.
Record hide(Record record, std::initializer_list<std::string_view> keys);

/// Gives a field of the record, which must have it, another value.
void set(Record &record, std::string_view key, Value value);

/// Puts `more` behind `record`.
void append(Record &record, Record more);

/// A member of what may be absent: null without it.
template <typename T, typename Member>
Value value_of(std::optional<T> const &what, Member T::*member) {
    return what ? Value((*what).*member) : Value();
}

/// Null for an empty text.
Value or_null(std::string const &text);

}  // namespace relay::cli
