#include "cli/command_line/options.hpp"

#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <algorithm>
#include <charconv>

namespace relay::cli {

namespace {

/// Splits "-f,--file" into its names.
std::vector<std::string> split_names(std::string_view names) {
    std::vector<std::string> parts;
    for (std::size_t start = 0; start <= names.size();) {
        std::size_t const comma = std::min(names.find(',', start), names.size());
        parts.emplace_back(names.substr(start, comma - start));
        start = comma + 1;
    }
    // Short ones first, as the help shows them.
    std::stable_partition(parts.begin(), parts.end(), [](std::string const &name) { return !name.starts_with("--"); });
    return parts;
}

constexpr std::string_view no_duration = "none";

/// Returns the words of "table|json"; none for "FILE" or "TIME|DURATION", whose capitals name a kind of value.
std::vector<std::string> split_choices(std::string_view type) {
    std::vector<std::string> words;
    if (type.find('|') == type.npos || type.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != type.npos) {
        return words;
    }
    while (true) {
        std::size_t const bar = type.find('|');
        words.emplace_back(type.substr(0, bar));
        if (bar == type.npos) {
            return words;
        }
        type.remove_prefix(bar + 1);
    }
}

/// Returns a flag with a value of this type, or a bare flag if the type is empty.
OptionModel make_flag(OptionText const &text, std::string_view type) {
    return {
        .names = split_names(text.names),
        .value = std::string(type),
        .type = std::string(type),
        .choices = split_choices(type),
        .description = std::string(text.description),
        .heading = std::string(text.group.empty() ? "Flags" : text.group),
        .required = text.required,
    };
}

OptionModel make_argument(OptionText const &text) {
    std::string const type(text.type.empty() ? text.names : text.type);
    return {
        .value = std::string(text.names),
        .type = type,
        .choices = split_choices(type),
        .description = std::string(text.description),
        .heading = std::string(text.group.empty() ? "Arguments" : text.group),
        .required = text.required,
    };
}

/// `take` gets the value, and the name of the flag for errors.
template <typename TakeNamed>
void add_named(OptionSet &set, OptionModel option, TakeNamed take) {
    std::string const name = option.canonical_name();
    set.add(std::move(option), [name, take = std::move(take)](std::string const &value) { take(name, value); });
}

std::string_view type_or(OptionText const &text, std::string_view fallback) {
    return text.type.empty() ? fallback : text.type;
}

void split_at_commas(std::string const &name, std::string_view value, std::vector<std::string> &target) {
    while (true) {
        std::size_t const comma = value.find(',');
        std::string_view const part = value.substr(0, comma);
        if (part.empty()) {
            throw Error(ErrorKind::usage, name + " has an empty value between commas");
        }
        target.emplace_back(part);
        if (comma == value.npos) {
            return;
        }
        value.remove_prefix(comma + 1);
    }
}

/// Calls `parse`, and puts the name of the flag before the message of its error.
template <typename Parse>
auto parse_for(std::string const &name, Parse const &parse) {
    try {
        return parse();
    } catch (Error const &error) {
        throw Error(error.kind(), name + ": " + error.message(), error.hint());
    }
}

std::int64_t parse_integer(std::string const &name, std::string const &value, Bounds bounds) {
    std::int64_t number = 0;
    char const *const end = value.data() + value.size();
    auto const [stop, failure] = std::from_chars(value.data(), end, number);
    bool const is_number = stop == end && failure != std::errc::invalid_argument;
    if (is_number && failure == std::errc() && number >= bounds.min && number <= bounds.max) {
        return number;
    }
    std::string range = "a whole number, " + std::to_string(bounds.min);
    range += bounds.max == Bounds().max ? " or more" : " to " + std::to_string(bounds.max);
    throw Error(ErrorKind::usage, name + " is " + quote_for_message(value) + ", but must be " + range);
}

std::string joined(std::vector<std::string> const &words, std::string_view separator) {
    std::string text;
    for (std::string const &word : words) {
        text += (text.empty() ? "" : std::string(separator)) + word;
    }
    return text;
}

std::string names_of(Given flags) {
    std::vector<std::string> names;
    for (auto const &[name, given] : flags) {
        names.emplace_back(name);
    }
    return joined(names, ", ");
}

}  // namespace

void add_value(OptionSet &set, OptionText const &text, std::optional<std::string> &target) {
    set.add(make_flag(text, type_or(text, "TEXT")), [&target](std::string const &value) { target = value; });
}

void add_values(OptionSet &set, OptionText const &text, std::vector<std::string> &target, Commas commas) {
    OptionModel flag = make_flag(text, type_or(text, "TEXT"));
    flag.repeatable = true;
    add_named(set, std::move(flag), [&target, commas](std::string const &name, std::string const &value) {
        if (commas == Commas::split) {
            split_at_commas(name, value, target);
        } else {
            target.push_back(value);
        }
    });
}

void add_flag(OptionSet &set, OptionText const &text, bool &target) {
    set.add(make_flag(text, ""), [&target](std::string const &) { target = true; });
}

void add_positional(OptionSet &set, OptionText const &text, std::optional<std::string> &target) {
    set.add(make_argument(text), [&target](std::string const &word) { target = word; });
}

void add_positionals(OptionSet &set, OptionText const &text, std::vector<std::string> &target) {
    OptionModel argument = make_argument(text);
    argument.repeatable = true;
    set.add(std::move(argument), [&target](std::string const &word) { target.push_back(word); });
}

void add_duration(OptionSet &set, OptionText const &text, std::optional<std::chrono::seconds> &target) {
    add_named(set, make_flag(text, type_or(text, "DURATION")),
              [&target](std::string const &name, std::string const &value) {
                  target = parse_for(name, [&] { return parse_duration(value); });
              });
}

void add_duration_or_none(OptionSet &set, OptionText const &text,
                          std::function<void(std::optional<std::chrono::seconds>)> take) {
    add_named(set, make_flag(text, type_or(text, "DURATION|none")),
              [take = std::move(take)](std::string const &name, std::string const &value) {
                  take(value == no_duration ? std::nullopt
                                            : std::optional(parse_for(name, [&] { return parse_duration(value); })));
              });
}

void add_instant(OptionSet &set, OptionText const &text, std::optional<Instant> &target) {
    add_named(set, make_flag(text, type_or(text, "TIME")),
              [&target](std::string const &name, std::string const &value) {
                  target = parse_for(name, [&] { return parse_instant(value); });
              });
}

void add_integer(OptionSet &set, OptionText const &text, Bounds bounds, std::optional<std::int64_t> &target) {
    add_named(set, make_flag(text, type_or(text, "N")),
              [&target, bounds](std::string const &name, std::string const &value) {
                  target = parse_integer(name, value, bounds);
              });
}

void add_choice(OptionSet &set, OptionText const &text, std::vector<std::string> const &choices,
                std::optional<std::string> &target) {
    std::string const type = joined(choices, "|");
    OptionModel flag = make_flag(text, type_or(text, type));
    flag.choices = choices;  // a single word, too
    add_named(set, std::move(flag), [&target, choices](std::string const &name, std::string const &value) {
        if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
            throw Error(ErrorKind::usage,
                        name + " is " + quote_for_message(value) + ", but must be one of " + joined(choices, ", "),
                        {.suggestions = closest(value, choices)});
        }
        target = value;
    });
}

void at_most_one(Given flags) {
    std::string_view first;
    for (auto const &[name, given] : flags) {
        if (given && !first.empty()) {
            throw Error(ErrorKind::usage,
                        std::string(first) + " and " + std::string(name) + " cannot be used together");
        }
        first = given ? name : first;
    }
}

void require_partner(std::string_view flag, bool given, std::string_view partner, bool partner_given) {
    if (given && !partner_given) {
        throw Error(ErrorKind::usage, std::string(flag) + " has no effect without " + std::string(partner),
                    {.next = "add " + std::string(partner) + ", or omit " + std::string(flag)});
    }
}

void exactly_one(Given flags) {
    at_most_one(flags);
    for (auto const &[name, given] : flags) {
        if (given) {
            return;
        }
    }
    throw Error(ErrorKind::usage, "missing: one of " + names_of(flags));
}

}  // namespace relay::cli
