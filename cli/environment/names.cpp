#include "cli/environment/names.hpp"

#include "relay/model/ascii.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

constexpr std::size_t longest_prefix = 64;

bool begins_name(char c) { return is_letter(c) || c == '_'; }

}  // namespace

bool is_variable_name(std::string_view text) {
    return !text.empty() && begins_name(text.front()) &&
           std::all_of(text.begin(), text.end(), [](char c) { return begins_name(c) || is_digit(c); });
}

bool is_variable_prefix(std::string_view text) { return text.size() <= longest_prefix && is_variable_name(text); }

}  // namespace relay::cli
