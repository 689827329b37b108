#pragma once

#include <string>
#include <vector>

namespace relay::store {

/// A text[] in PostgreSQL's text form, each element quoted (an element `null` must stay a word): `{"a","b"}`.
inline std::string array_text(std::vector<std::string> const &texts) {
    std::string array = "{";
    for (std::string const &text : texts) {
        array += array.size() > 1 ? ",\"" : "\"";
        for (char const c : text) {
            if (c == '"' || c == '\\') {
                array += '\\';
            }
            array += c;
        }
        array += '"';
    }
    return array + "}";
}

}  // namespace relay::store
