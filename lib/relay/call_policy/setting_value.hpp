#pragma once

#include "relay/call_policy/records.hpp"
#include "relay/model/ip_range.hpp"

#include <string_view>

/// Values as people write them, in the form in which the database stores them.
namespace relay {

/// Returns the words that a setting may have, the loosest first; none if it is a duration.
std::vector<std::string> words_of_setting(PolicySetting setting);

/// Returns the stored form of a value: whole seconds of a duration (`90s` for `1m30s`), or a word. Throws Error (usage)
/// that says what is allowed.
std::string parse_setting_value(PolicySetting setting, std::string_view text);

/// Returns 1 to 64 addresses and networks, each once. Throws Error (usage): too many, the whole Internet, bits beyond
/// the length of the network, or IPv4 inside IPv6.
std::vector<IpRange> parse_addresses(std::vector<std::string> const &texts);

}  // namespace relay
