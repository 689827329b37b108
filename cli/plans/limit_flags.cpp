#include "cli/plans/limit_flags.hpp"

#include "cli/command_line/options.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace relay::cli {

namespace {

constexpr std::size_t most_providers = 64;
constexpr std::size_t longest_provider = 64;

std::string amounts(LimitOwner owner) {
    return fmt::format("a whole number, 0 to {}, or none{}", most_of_a_meter,
                       owner == LimitOwner::org ? ", or plan" : "");
}

LimitChange parse_limit(std::string const &text, LimitOwner owner) {
    std::size_t const equals = text.find('=');
    std::string const name = text.substr(0, equals);
    auto const meter = from_text<Meter>(name);
    if (!meter) {
        std::vector<std::string> const meters = all_texts<Meter>();
        throw Error(
            ErrorKind::usage, "--limit " + quote_for_message(text) + ": there is no meter " + quote_for_message(name),
            {.next = fmt::format("the meters are {}", fmt::join(meters, ", ")), .suggestions = closest(name, meters)});
    }
    std::string const value = equals == text.npos ? "" : text.substr(equals + 1);
    if (value == "none") {  // a plan without a limit has no row
        return {.meter = *meter, .inherit = owner == LimitOwner::plan};
    }
    if (value == "plan" && owner == LimitOwner::org) {
        return {.meter = *meter, .inherit = true};
    }
    std::int64_t amount = 0;
    auto const [stop, failure] = std::from_chars(value.data(), value.data() + value.size(), amount);
    bool const is_number = !value.empty() && stop == value.data() + value.size() && failure == std::errc();
    if (!is_number || amount < 0 || amount > most_of_a_meter) {
        throw Error(ErrorKind::usage,
                    fmt::format("--limit {}: {} is {}, but must be {}", quote_for_message(text), name,
                                quote_for_message(value), amounts(owner)),
                    {.next = fmt::format("as in --limit {}=100", name)});
    }
    return {.meter = *meter, .amount = amount};
}

bool is_provider(std::string const &text) {
    return !text.empty() && text.size() <= longest_provider && std::all_of(text.begin(), text.end(), [](char letter) {
        return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
               (letter >= '0' && letter <= '9') || letter == '_' || letter == '.' || letter == '-';
    });
}

}  // namespace

void add_limits(OptionSet &set, LimitOwner owner, std::vector<std::string> &target) {
    add_values(
        set,
        {.names = "--limit",
         .type = "METER=N|none",
         .description = owner == LimitOwner::org ? "how much of a meter it may use; METER=plan: what its plan allows"
                                                 : "how much of a meter an organization may use"},
        target);
}

std::vector<LimitChange> parse_limits(std::vector<std::string> const &texts, LimitOwner owner) {
    std::vector<LimitChange> changes;
    for (std::string const &text : texts) {
        LimitChange const change = parse_limit(text, owner);
        if (std::any_of(changes.begin(), changes.end(),
                        [&](LimitChange const &other) { return other.meter == change.meter; })) {
            throw Error(ErrorKind::usage, fmt::format("--limit is given twice for {}", text_of(change.meter)));
        }
        changes.push_back(change);
    }
    return changes;
}

void add_providers(OptionSet &set, std::vector<std::string> &target) {
    add_values(set,
               {.names = "--providers",
                .type = "P,...",
                .description = "providers of what it may hold, such as machines; any: all of them"},
               target, Commas::split);
}

std::optional<std::vector<std::string>> parse_providers(std::vector<std::string> const &texts) {
    if (texts.empty()) {
        return std::nullopt;
    }
    if (std::find(texts.begin(), texts.end(), "any") != texts.end()) {
        if (texts.size() > 1) {
            throw Error(ErrorKind::usage, "--providers any cannot be combined with other providers");
        }
        return std::vector<std::string>();
    }
    std::vector<std::string> providers;
    for (std::string const &text : texts) {
        if (!is_provider(text)) {
            throw Error(ErrorKind::usage, "--providers: " + quote_for_message(text) + " is not the name of a provider",
                        {.next = fmt::format("use a-z, A-Z, 0-9, dot, - and _, at most {}", longest_provider)});
        }
        if (std::find(providers.begin(), providers.end(), text) == providers.end()) {
            providers.push_back(text);
        }
    }
    if (providers.size() > most_providers) {
        throw Error(ErrorKind::usage, fmt::format("--providers names {} providers, but at most {} are possible",
                                                  providers.size(), most_providers));
    }
    return providers;
}

void add_expected_losses(OptionSet &set, std::optional<std::int64_t> &target) {
    add_integer(set,
                {.names = "--expect",
                 .type = "N",
                 .description = "change nothing unless exactly N agents lose their seat; else exit 5"},
                {.min = 0, .max = 100'000'000}, target);
}

std::string describe_limits(std::vector<Limit> const &limits) {
    std::string text;
    for (Limit const &limit : limits) {
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", text_of(limit.meter),
                            limit.amount ? grouped(*limit.amount) : "no limit");
    }
    return text;
}

std::string grouped(std::int64_t number) {
    std::string text = std::to_string(number);
    for (std::size_t at = text.size(); at > 3; at -= 3) {
        text.insert(at - 3, ",");
    }
    return text;
}

}  // namespace relay::cli
