#pragma once

#include "relay/identity/limits.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Flags about what plans and organizations may use.
namespace relay::cli {

class OptionSet;

/// `plan`: a plan's limits; `org`: an organization's, which may also be left to its plan (`METER=plan`).
enum class LimitOwner { plan, org };

/// Adds `--limit METER=N|none`, any number of times.
void add_limits(OptionSet &set, LimitOwner owner, std::vector<std::string> &target);
/// Throws Error (usage): no such meter, not an amount, or a meter that is given twice.
std::vector<LimitChange> parse_limits(std::vector<std::string> const &texts, LimitOwner owner);

/// Adds `--providers P,...`; the one word `any` allows all.
void add_providers(OptionSet &set, std::vector<std::string> &target);
/// Returns the providers of what an organization may hold; empty: any. None if the flag was not given. Throws Error
/// (usage).
std::optional<std::vector<std::string>> parse_providers(std::vector<std::string> const &texts);

/// Adds `--expect N`, the number of agents that lose their seat.
void add_expected_losses(OptionSet &set, std::optional<std::int64_t> &target);

/// Returns limits as people read them: "agents 1, messages 100,000"; empty: there is none.
std::string describe_limits(std::vector<Limit> const &limits);
/// Returns 100000 as "100,000".
std::string grouped(std::int64_t number);

}  // namespace relay::cli
