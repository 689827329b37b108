#include "relay/identity/labels.hpp"

#include "relay/db/list_text.hpp"
#include "relay/model/error.hpp"

#include <algorithm>

namespace relay {
namespace {

auto named(std::string_view name) {
    return [name](Label const &label) { return label.name() == name; };
}

void require_few(std::vector<Label> const &labels) {
    if (labels.size() > most_labels) {
        throw Error(ErrorKind::usage, "an agent can have " + std::to_string(most_labels) + " labels, not " +
                                          std::to_string(labels.size()) + "; nothing was changed");
    }
}

}  // namespace

std::vector<Label> label_set(std::vector<Label> labels) {
    std::sort(labels.begin(), labels.end());
    labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
    for (Label const &label : labels) {
        if (std::count_if(labels.begin(), labels.end(), named(label.name())) > 1) {
            throw Error(ErrorKind::usage, "label " + std::string(label.name()) + " is given two values");
        }
    }
    require_few(labels);
    return labels;
}

std::vector<Label> changed_labels(std::vector<Label> const &labels, std::vector<Label> const &set,
                                  std::vector<LabelName> const &removed) {
    std::vector<Label> changed = labels;
    for (LabelName const &name : removed) {
        std::erase_if(changed, named(name.text()));
    }
    for (Label const &label : set) {
        std::erase_if(changed, named(label.name()));
        changed.push_back(label);
    }
    std::sort(changed.begin(), changed.end());
    require_few(changed);
    return changed;
}

bool has_labels(std::vector<Label> const &labels, std::vector<Label> const &wanted) {
    return std::all_of(wanted.begin(), wanted.end(), [&](Label const &label) {
        return std::find(labels.begin(), labels.end(), label) != labels.end();
    });
}

std::string label_pairs(std::vector<Label> const &labels) {
    std::vector<std::string> texts;
    for (Label const &label : labels) {
        texts.emplace_back(label.name());
        texts.emplace_back(label.value());
    }
    return db::array_text(texts);
}

}  // namespace relay
