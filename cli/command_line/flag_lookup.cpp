#include "cli/command_line/flag_lookup.hpp"

#include "relay/model/text.hpp"

#include <algorithm>
#include <functional>

namespace relay::cli {

OptionModel const *FlagsInReach::find(std::string_view name) const {
    for (auto const *options : {command, &globals}) {
        if (options == nullptr) {
            continue;
        }
        for (OptionModel const &option : *options) {
            if (option.has_name(name)) {
                return &option;
            }
        }
    }
    return nullptr;
}

bool FlagsInReach::is_global(OptionModel const &option) const {
    return std::any_of(globals.begin(), globals.end(), [&](OptionModel const &one) { return &one == &option; });
}

std::vector<std::string> FlagsInReach::similar(std::string const &spelled) const {
    std::vector<std::string> names;
    for (auto const *options : {command, &globals}) {
        if (options == nullptr) {
            continue;
        }
        for (OptionModel const &option : *options) {
            for (std::string const &name : option.names) {
                if (name.starts_with("--")) {
                    names.push_back(name.substr(2));
                }
            }
        }
    }
    std::string const bare = spelled.substr(std::min(spelled.find_first_not_of('-'), spelled.size()));
    if (bare.size() < 2) {
        return {};  // one letter is not enough to compare
    }
    std::vector<std::string> near = closest(bare, names);
    for (std::string &name : near) {
        name.insert(0, "--");
    }
    return near;
}

}  // namespace relay::cli
