#include "relay/db/list_text.hpp"

#include <algorithm>

namespace relay::db {

std::string array_text(std::vector<std::string> const &texts) {
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

std::string json_array(std::vector<std::string> const &texts) {
    std::string json = "[";
    for (std::string const &text : texts) {
        json += (json.size() > 1 ? ",\"" : "\"") + text + "\"";
    }
    return json + "]";
}

std::string like_pattern(std::string const &glob) {
    std::string pattern;
    for (char const c : glob) {
        if (c == '%' || c == '_' || c == '\\') {
            pattern += '\\';
        }
        pattern += c == '*' ? '%' : c == '?' ? '_' : c;
    }
    return pattern;
}

std::vector<std::string> split_list(std::string const &list) {
    std::vector<std::string> parts;
    for (std::size_t start = 0; start < list.size();) {
        std::size_t const comma = std::min(list.find(',', start), list.size());
        parts.push_back(list.substr(start, comma - start));
        start = comma + 1;
    }
    return parts;
}

}  // namespace relay::db
