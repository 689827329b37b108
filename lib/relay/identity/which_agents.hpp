#pragma once

#include "relay/db/list_text.hpp"
#include "relay/identity/labels.hpp"

#include <optional>
#include <string>
#include <vector>

namespace relay {

/// To which agents a list or a report is narrowed, beside their organization.
struct WhichAgents {
    std::optional<OwnerName> owner{};
    bool unowned = false;  ///< only agents without an owner
    std::vector<Label> labels{};  ///< only agents that have all of these
    std::optional<std::string> match{};  ///< a glob over the id: `*` and `?`

    bool any() const { return owner || unowned || !labels.empty() || match; }
};

namespace sql {

/// The labels for `labels @> jsonb_object($n::text[])`; null: no condition.
inline std::optional<std::string> pairs_or_null(std::vector<Label> const &labels) {
    return labels.empty() ? std::nullopt : std::optional(label_pairs(labels));
}
/// The pattern for `agent_id LIKE $n`; null: no condition.
inline std::optional<std::string> pattern_or_null(std::optional<std::string> const &glob) {
    return glob ? std::optional(db::like_pattern(*glob)) : std::nullopt;
}

}  // namespace sql
}  // namespace relay
