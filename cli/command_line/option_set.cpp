#include "cli/command_line/option_set.hpp"

#include <algorithm>

namespace relay::cli {

bool OptionModel::has_name(std::string_view name) const {
    return std::find(names.begin(), names.end(), name) != names.end();
}

std::string OptionModel::full_description() const {
    if (is_argument()) {
        return description;
    }
    return description + (required ? " (required)" : "") + (repeatable ? " (may be repeated)" : "");
}

std::string const &OptionModel::canonical_name() const {
    if (is_argument()) {
        return value;
    }
    auto const found =
        std::find_if(names.begin(), names.end(), [](std::string const &name) { return name.starts_with("--"); });
    return found == names.end() ? names.front() : *found;
}

void OptionSet::add(OptionModel option, Take take) {
    m_options.push_back(std::move(option));
    m_targets.push_back(std::move(take));
}

}  // namespace relay::cli
