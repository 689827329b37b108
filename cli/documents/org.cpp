#include "cli/documents/org.hpp"

#include "cli/documents/fields.hpp"

namespace relay::cli {

Org sample_org() { return {.org_id = any_id<OrgId>()}; }

Record org_record(Org const &org) {
    return {
        {"org_id", "Org ID", org.org_id},
        {"name", "Name", org.name, {.cut = true}},
        {"plan", "Plan", org.plan, {.leaves = 2}},
        {"status", "Status", org.status},
        {"agents", "Agents", org.agents, {.leaves = 1}},
        {"agent_limit", "Limit", org.agent_limit, {.leaves = 3}},
        machine_only("max_agents", org.max_agents),
        machine_only("key_max_age_seconds", seconds_or_null(org.key_max_age)),
        {"created_at", "Created", org.created_at, {.leaves = 4}},
        machine_only("created_by", org.created_by),
        machine_only("auth_mode", org.auth_mode),
    };
}

Record org_words(Org const &org) {
    return {
        people_only("Created by", org.created_by),
        people_only("Key max age", describe_age_limit(org.key_max_age)),
        people_only("Calls without key", org.auth_mode == AuthMode::optional ? "accepted and recorded" : "refused"),
    };
}

}  // namespace relay::cli
