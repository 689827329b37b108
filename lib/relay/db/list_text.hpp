#pragma once

#include "relay/model/text_of.hpp"

#include <string>
#include <vector>

/// Lists of texts as one value of a statement, and back.
namespace relay::db {

/// A text[] in PostgreSQL's text form, each element quoted (an element `null` must stay a word): `{"a","b"}`.
std::string array_text(std::vector<std::string> const &texts);
template <HasText T>
std::string array_text(std::vector<T> const &values) {
    return array_text(texts_of(values));
}

/// A JSON array of texts that need no escaping: `["a","b"]`.
std::string json_array(std::vector<std::string> const &texts);

/// The parts of `a,b,c`; none of an empty text.
std::vector<std::string> split_list(std::string const &list);

}  // namespace relay::db
