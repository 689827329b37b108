#include "cli/documents/due.hpp"

#include "cli/documents/agent.hpp"
#include "cli/documents/fields.hpp"

namespace relay::cli {

DueKey sample_due_key() {
    return {.key_id = any_id<KeyId>(), .agent_id = any_id<AgentId>(), .org_id = any_id<OrgId>()};
}

Record due_key_record(DueKey const &key) {
    return {
        {"key_id", "Key ID", key.key_id},
        {"agent_id", "Agent ID", key.agent_id},
        {"org_id", "Org ID", key.org_id, {.leaves = 3}},
        machine_only("agent_name", key.agent_name),
        {"owner", "Owner", key.owner, {.cut = true}},
        machine_only("labels", label_record(key.labels)),
        {"due_at", "Due", key.at},
        {"overdue", "Overdue", key.overdue},
        {"reason", "Reason", key.reason, {.leaves = 1}},
        machine_only("expired", key.expired),
        {"blocked", "Blocked", key.blocked, {.leaves = 4}},
        {"created_at", "Created", key.created_at, {.leaves = 5}},
        machine_only("expires_at", key.expires_at),
        {"last_used_at", "Last used", key.last_used_at, {.leaves = 2}},
    };
}

Record due_owner_record(DueOwner const &owner) {
    return {
        {"owner", "Owner", owner.owner},
        {"keys", "Keys", owner.keys},
        {"overdue", "Overdue", owner.overdue},
        {"first_due_at", "First due", owner.first_at},
    };
}

}  // namespace relay::cli
