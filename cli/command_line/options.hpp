#pragma once

#include "cli/command_line/option_set.hpp"
#include "relay/model/time.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Functions with which commands declare their options, one for each kind of value.
///
/// A target is bound by reference and must live as long as the Runner: keep the Options struct in a shared_ptr that the
/// Runner captures. The Runner parses text into ids and names. A bad value is an Error (usage) that names the flag.
namespace relay::cli {

/// The texts of an option. Designated initializers read best:
/// `add_value(set, {.names = "--org,--org-id", .type = "ORG", .description = "the agent's organization", .required =
/// true}, options->org)`.
struct OptionText {
    std::string_view names;  ///< "--name", "-f,--file", "--org,--org-id"; for a positional its name in help: "AGENT"
    std::string_view
        type{};  ///< shown for the value in help: "ORG", "FILE"; a duration, an instant and a choice have a default
    std::string_view description;  ///< lower case, no full stop
    bool required = false;
    std::string_view group{};  ///< heading in help; empty: "Flags" or "Arguments"
};

/// `--name VALUE`, at most once, never empty.
void add_value(OptionSet &set, OptionText const &text, std::optional<std::string> &target);

enum class Commas { kept, split };
/// `--name VALUE`, any number of times; with Commas::split also `--name A,B`.
void add_values(OptionSet &set, OptionText const &text, std::vector<std::string> &target, Commas commas = Commas::kept);

/// `--name`, without a value.
void add_flag(OptionSet &set, OptionText const &text, bool &target);

/// A word that is not a flag. Positionals are filled in the order of their declaration.
void add_positional(OptionSet &set, OptionText const &text, std::optional<std::string> &target);
/// All remaining words; declare it last.
void add_positionals(OptionSet &set, OptionText const &text, std::vector<std::string> &target);

/// `90d`, `24h`, `10m`, `30s`, `0`, as relay::parse_duration.
void add_duration(OptionSet &set, OptionText const &text, std::optional<std::chrono::seconds> &target);

/// A duration, or the word `none`, for which `take` gets nothing.
void add_duration_or_none(OptionSet &set, OptionText const &text,
                          std::function<void(std::optional<std::chrono::seconds>)> take);

/// RFC 3339, as relay::parse_instant.
void add_instant(OptionSet &set, OptionText const &text, std::optional<Instant> &target);

struct Bounds {
    std::int64_t min = 0;
    std::int64_t max = std::numeric_limits<std::int64_t>::max();
};
/// A whole number in decimal digits.
void add_integer(OptionSet &set, OptionText const &text, Bounds bounds, std::optional<std::int64_t> &target);

/// One word of `choices`; the error for another word suggests a similar one.
void add_choice(OptionSet &set, OptionText const &text, std::vector<std::string> const &choices,
                std::optional<std::string> &target);

/// Flags by name, and whether each was given.
using Given = std::initializer_list<std::pair<std::string_view, bool>>;
/// Throws Error (usage) naming the first two if more than one of `flags` was given.
void at_most_one(Given flags);
/// Throws Error (usage) if `flag` was given without `partner`, without which it has no effect.
void require_partner(std::string_view flag, bool given, std::string_view partner, bool partner_given);
/// As at_most_one, and throws Error (usage) naming all of them if none was given.
void exactly_one(Given flags);

}  // namespace relay::cli
