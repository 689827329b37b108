#include "cli/command_line/options.hpp"

#include "cli/command_line/positional_marker.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <CLI/CLI.hpp>

#include <charconv>

namespace relay::cli {

namespace {

using Take = std::function<void(std::string const &)>;

/// The first name, as it is written on the line: "--org" of "--org,--org-id".
std::string first_name(OptionText const &text) {
    std::string_view name = text.names;
    std::size_t const comma = name.find(',');
    if (comma != name.npos && !name.starts_with("--")) {
        name = name.substr(comma + 1);  // "-f,--file": the long one says more
    }
    return std::string(name.substr(0, name.find(',')));
}

CLI::Option *describe(CLI::Option *option, OptionText const &text, std::string_view type, std::string_view group) {
    return option->type_name(std::string(type))
        ->required(text.required)
        ->group(std::string(text.group.empty() ? group : text.group));
}

/// `take` gets one value a time. A domain Error that it throws goes straight through CLI11's parse(), which catches nothing.
CLI::Option *add(CLI::App &app, OptionText const &text, std::string_view type, Take take) {
    auto const callback = [take = std::move(take)](CLI::results_t const &values) {
        for (std::string const &value : values) {
            take(value);
        }
        return true;
    };
    return describe(app.add_option(std::string(text.names), callback, std::string(text.description)), text, type,
                    "Flags");
}

std::string_view type_or(OptionText const &text, std::string_view fallback) {
    return text.type.empty() ? fallback : text.type;
}

void split_at_commas(std::string const &name, std::string_view value, std::vector<std::string> &target) {
    while (true) {
        std::size_t const comma = value.find(',');
        std::string_view const part = value.substr(0, comma);
        if (part.empty()) {
            throw Error(ErrorKind::usage, name + " has an empty part between its commas");
        }
        target.emplace_back(part);
        if (comma == value.npos) {
            return;
        }
        value.remove_prefix(comma + 1);
    }
}

/// Names the flag in front of what `parse` says of its value.
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
    throw Error(ErrorKind::usage, name + " is '" + value + "', but must be " + range);
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

void add_value(CLI::App &app, OptionText const &text, std::optional<std::string> &target) {
    add(app, text, type_or(text, "TEXT"), [&target](std::string const &value) { target = value; });
}

void add_values(CLI::App &app, OptionText const &text, std::vector<std::string> &target, Commas commas) {
    Take const take = [&target, commas, name = first_name(text)](std::string const &value) {
        if (commas == Commas::split) {
            split_at_commas(name, value, target);
        } else {
            target.push_back(value);
        }
    };
    // Without allow_extra_args(false) one flag would swallow the words after its value, too.
    add(app, text, type_or(text, "TEXT"), take)
        ->expected(1, CLI::detail::expected_max_vector_size)
        ->allow_extra_args(false);
}

void add_flag(CLI::App &app, OptionText const &text, bool &target) {
    CLI::Option *flag = app.add_flag_callback(std::string(text.names), [&target] { target = true; });
    flag->description(std::string(text.description));
    describe(flag, text, "", "Flags");
}

void add_positional(CLI::App &app, OptionText const &text, std::optional<std::string> &target) {
    OptionText with_group = text;
    with_group.group = text.group.empty() ? "Arguments" : text.group;
    add(app, with_group, type_or(text, text.names), [&target](std::string const &word) { target = unmark(word); });
}

void add_positionals(CLI::App &app, OptionText const &text, std::vector<std::string> &target) {
    OptionText with_group = text;
    with_group.group = text.group.empty() ? "Arguments" : text.group;
    add(app, with_group, type_or(text, text.names),
        [&target](std::string const &word) { target.push_back(unmark(word)); })
        ->expected(1, CLI::detail::expected_max_vector_size)
        ->allow_extra_args();
}

void add_duration(CLI::App &app, OptionText const &text, std::optional<std::chrono::seconds> &target) {
    add(app, text, type_or(text, "DURATION"), [&target, name = first_name(text)](std::string const &value) {
        target = parse_for(name, [&] { return parse_duration(value); });
    });
}

void add_instant(CLI::App &app, OptionText const &text, std::optional<Instant> &target) {
    add(app, text, type_or(text, "TIME"), [&target, name = first_name(text)](std::string const &value) {
        target = parse_for(name, [&] { return parse_instant(value); });
    });
}

void add_integer(CLI::App &app, OptionText const &text, Bounds bounds, std::optional<std::int64_t> &target) {
    add(app, text, type_or(text, "N"), [&target, bounds, name = first_name(text)](std::string const &value) {
        target = parse_integer(name, value, bounds);
    });
}

void add_choice(CLI::App &app, OptionText const &text, std::vector<std::string> const &choices,
                std::optional<std::string> &target) {
    Take const take = [&target, choices, name = first_name(text)](std::string const &value) {
        if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
            throw Error(ErrorKind::usage, name + " is '" + value + "', but must be one of " + joined(choices, ", "),
                        {.suggestions = closest(value, choices)});
        }
        target = value;
    };
    std::string const type = joined(choices, "|");
    add(app, text, type_or(text, type), take);
}

std::optional<std::string> one_spelling(std::string_view first_name, std::optional<std::string> const &first,
                                        std::string_view second_name, std::optional<std::string> const &second) {
    if (first && second && *first != *second) {
        throw Error(ErrorKind::usage, std::string(first_name) + " is '" + *first + "', but " +
                                          std::string(second_name) + " is '" + *second + "'; give one of them");
    }
    return first ? first : second;
}

std::string required_spelling(std::string_view first_name, std::optional<std::string> const &first,
                              std::string_view second_name, std::optional<std::string> const &second) {
    auto given = one_spelling(first_name, first, second_name, second);
    if (!given) {
        throw Error(ErrorKind::usage, "missing: " + std::string(first_name),
                    {.next = "give it as " + std::string(first_name) + " or as " + std::string(second_name)});
    }
    return *given;
}

void at_most_one(Given flags) {
    std::string_view first;
    for (auto const &[name, given] : flags) {
        if (given && !first.empty()) {
            throw Error(ErrorKind::usage, std::string(first) + " and " + std::string(name) + " exclude each other");
        }
        first = given ? name : first;
    }
}

void require_partner(std::string_view flag, bool given, std::string_view partner, bool partner_given) {
    if (given && !partner_given) {
        throw Error(ErrorKind::usage, std::string(flag) + " says nothing without " + std::string(partner),
                    {.next = "add " + std::string(partner) + ", or leave " + std::string(flag) + " out"});
    }
}

void exactly_one(Given flags) {
    at_most_one(flags);
    for (auto const &[name, given] : flags) {
        if (given) {
            return;
        }
    }
    throw Error(ErrorKind::usage, "one of these is needed: " + names_of(flags));
}

}  // namespace relay::cli
