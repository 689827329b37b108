#include "cli/command_line/flag_lookup.hpp"

#include "relay/model/text.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace relay::cli {

namespace {

template <typename Matches>
FoundFlag find_flag(CLI::App const *leaf, CLI::App const &root, Matches const &matches) {
    for (CLI::App const *app : {leaf, &root}) {
        if (app == nullptr) {
            continue;
        }
        for (CLI::Option const *option : app->get_options()) {
            if (matches(*option)) {
                return {option, app == &root};
            }
        }
    }
    return {};
}

bool holds(std::vector<std::string> const &names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

FoundFlag find_long(CLI::App const *leaf, CLI::App const &root, std::string_view name) {
    return find_flag(leaf, root, [&](CLI::Option const &option) { return holds(option.get_lnames(), name); });
}

FoundFlag find_short(CLI::App const *leaf, CLI::App const &root, char letter) {
    std::string_view const name(&letter, 1);
    return find_flag(leaf, root, [&](CLI::Option const &option) { return holds(option.get_snames(), name); });
}

std::vector<std::string> similar_flags(CLI::App const *leaf, CLI::App const &root, std::string const &spelled) {
    std::vector<std::string> names;
    for (CLI::App const *app : {leaf, &root}) {
        if (app == nullptr) {
            continue;
        }
        for (CLI::Option const *option : app->get_options()) {
            names.insert(names.end(), option->get_lnames().begin(), option->get_lnames().end());
        }
    }
    std::string const bare = spelled.substr(std::min(spelled.find_first_not_of('-'), spelled.size()));
    if (bare.size() < 2) {
        return {};  // one letter is close to nothing
    }
    std::vector<std::string> near = closest(bare, names);
    for (std::string &name : near) {
        name.insert(0, "--");
    }
    return near;
}

bool takes_value(CLI::Option const &option) { return option.get_items_expected_max() > 0; }

bool takes_many(CLI::Option const &option) { return option.get_items_expected_max() > 1; }

bool is_positional(CLI::Option const &option) { return option.get_positional(); }

std::string canonical_name(CLI::Option const &option) {
    if (!option.get_lnames().empty()) {
        return "--" + option.get_lnames().front();
    }
    return option.get_snames().empty() ? positional_name(option) : "-" + option.get_snames().front();
}

std::string positional_name(CLI::Option const &option) { return option.get_name(true); }

std::vector<CLI::Option const *> positionals_of(CLI::App const &app) {
    return app.get_options([](CLI::Option const *option) { return option->get_positional(); });
}

}  // namespace relay::cli
