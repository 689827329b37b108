#include "cli/environment/names.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

constexpr std::size_t longest_prefix = 64;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

bool is_variable_name(std::string_view text) {
    return !text.empty() && is_letter(text.front()) &&
           std::all_of(text.begin(), text.end(), [](char c) { return is_letter(c) || is_digit(c); });
}

bool is_variable_prefix(std::string_view text) { return text.size() <= longest_prefix && is_variable_name(text); }

}  // namespace relay::cli
