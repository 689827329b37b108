#include "cli/command_line/agent_flags.hpp"

#include "cli/command_line/options.hpp"

namespace relay::cli {

void declare_owner(OptionSet &set, OwnerFlags &flags) {
    add_value(set, {.names = "--owner", .description = "whom to write to about it: a person, a team or an address"},
              flags.owner);
    add_values(set, {.names = "--label", .type = "NAME=VALUE", .description = "a label, such as team=payments"},
               flags.labels);
}

void declare_owner_user(OptionSet &set, std::optional<std::string> &owner_user) {
    add_value(set, {.names = "--owner-user", .type = "ID", .description = "the person for whom it acts, as in tokens"},
              owner_user);
}

std::optional<OwnerName> parse_owner(std::optional<std::string> const &text) {
    return text ? std::optional(OwnerName::parse(*text)) : std::nullopt;
}

std::vector<Label> parse_labels(std::vector<std::string> const &texts) {
    std::vector<Label> labels;
    for (std::string const &text : texts) {
        labels.push_back(Label::parse(text));
    }
    return label_set(std::move(labels));
}

void declare_which_agents(OptionSet &set, std::string_view what, WhichFlags &flags) {
    std::string const only = "only " + std::string(what);
    add_value(set, {.names = "--owner", .description = only + " of this owner"}, flags.owner.owner);
    add_flag(set, {.names = "--no-owner", .description = only + " without an owner"}, flags.no_owner);
    add_values(set, {.names = "--label", .type = "NAME=VALUE", .description = only + " with this label"},
               flags.owner.labels);
    add_value(set, {.names = "--match", .type = "GLOB", .description = only + " whose id matches, such as 'pay*'"},
              flags.match);
}

WhichAgents which_agents(WhichFlags const &flags) {
    at_most_one({{"--owner", flags.owner.owner.has_value()}, {"--no-owner", flags.no_owner}});
    return {.owner = parse_owner(flags.owner.owner),
            .unowned = flags.no_owner,
            .labels = parse_labels(flags.owner.labels),
            .match = flags.match};
}

}  // namespace relay::cli
