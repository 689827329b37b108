#pragma once

#include "relay/model/text_of.hpp"

#include <string>
#include <vector>

/// Lists of texts as one value of a statement, and back.
namespace relay::db {

/// Returns a text[] in PostgreSQL's text form: `{"a","b"}`. Each element is quoted, so that an element `null` stays a
/// word.
std::string array_text(std::vector<std::string> const &texts);
template <HasText T>
std::string array_text(std::vector<T> const &values) {
    return array_text(texts_of(values));
}

/// Returns a JSON array of texts that need no escaping: `["a","b"]`.
std::string json_array(std::vector<std::string> const &texts);

/// Returns the LIKE pattern of a glob over ids: `*` and `?` become `%` and `_`, and LIKE's own special characters are
/// escaped.
std::string like_pattern(std::string const &glob);

/// Returns the parts of `a,b,c`; an empty text has no parts.
std::vector<std::string> split_list(std::string const &list);

}  // namespace relay::db
