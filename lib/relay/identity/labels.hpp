#pragma once

#include "relay/model/ids.hpp"

#include <string>
#include <vector>

/// The labels of an agent: sorted, at most one for each name.
namespace relay {

/// The most labels that an agent may have, as the schema says (relay.labels_are_valid).
inline constexpr std::size_t most_labels = 32;

/// Returns the labels sorted. Throws Error (usage) if a name has two values, or if there are too many.
std::vector<Label> label_set(std::vector<Label> labels);

/// Returns `labels` without the names of `removed`, and with `set`, which replace earlier values. Throws Error (usage) if
/// they become too many.
std::vector<Label> changed_labels(std::vector<Label> const &labels, std::vector<Label> const &set,
                                  std::vector<LabelName> const &removed);

/// Returns true if `labels` has each of `wanted`.
bool has_labels(std::vector<Label> const &labels, std::vector<Label> const &wanted);

/// Returns name, value, name, value, ... as a text[], of which SQL's jsonb_object makes an object.
std::string label_pairs(std::vector<Label> const &labels);

}  // namespace relay
