#include "relay/replication/standby_names.hpp"

#include <algorithm>

namespace relay {
namespace {

constexpr std::string_view spaces = " \t\n\r\f\v";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Takes a quoted name from the front of `text`, which begins with the quote; `""` inside is one quote.
std::string take_quoted(std::string_view &text) {
    std::string name;
    std::size_t at = 1;
    for (; at < text.size() && (text[at] != '"' || text.substr(at, 2) == "\"\""); ++at) {
        at += text[at] == '"' ? 1U : 0U;
        name += text[at];
    }
    text.remove_prefix(std::min(at + 1, text.size()));
    return name;
}

std::string take_word(std::string_view &text) {
    std::size_t const length = std::min(text.find_first_of(std::string(spaces) + ",()\""), text.size());
    std::string word(text.substr(0, length));
    text.remove_prefix(length);
    return word;
}

}  // namespace

std::vector<std::string> synchronous_standby_names(std::string_view setting) {
    std::vector<std::string> names;
    while (!setting.empty()) {
        char const next = setting.front();
        if (next == '"') {
            names.push_back(take_quoted(setting));
        } else if (next == '(') {
            names.clear();  // the words before it were the method and the number
            setting.remove_prefix(1);
        } else if (next == ',' || next == ')' || spaces.find(next) != spaces.npos) {
            setting.remove_prefix(1);
        } else {
            names.push_back(take_word(setting));
        }
    }
    return names;
}

bool same_standby_name(std::string_view one, std::string_view other) {
    return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                      [](char a, char b) { return lower(a) == lower(b); });
}

}  // namespace relay
