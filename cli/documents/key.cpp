#include "cli/documents/key.hpp"

#include "cli/documents/fields.hpp"

#include <algorithm>

namespace relay::cli {

Key sample_key() { return {.key_id = any_id<KeyId>(), .agent_id = any_id<AgentId>(), .org_id = any_id<OrgId>()}; }

Record key_record(Key const &key) {
    return {
        {"key_id", "Key ID", key.key_id},
        {"agent_id", "Agent ID", key.agent_id},
        {"org_id", "Org ID", key.org_id, {.leaves = 6}},
        {"status", "Status", key.status},
        machine_only("state", key.state),
        {"blocked", "Blocked", key.blocked, {.leaves = 2}},
        {"algorithm", "Algorithm", key.algorithm, {.leaves = 8}},
        {"created_at", "Created", key.created_at, {.leaves = 5}},
        machine_only("created_by", key.created_by),
        {"due_at", "Due", key.due_at, {.leaves = 1}},
        {"expires_at", "Expires", key.expires_at, {.leaves = 3}},
        machine_only("retired_at", key.retired_at),
        machine_only("revoked_at", key.revoked_at),
        {"replaced_by", "Replaced by", key.replaced_by, {.leaves = 7}},
        machine_only("retire_on_first_use", key.retire_on_first_use),
        machine_only("deliver_until", key.deliver_until),
        machine_only("settle_until", key.settle_until),
        {"last_used_at", "Last used", key.last_used_at, {.leaves = 4}},
    };
}

std::string describe_keys(std::vector<Key> const &keys) {
    auto const count = [&](KeyStatus status) {
        return std::count_if(keys.begin(), keys.end(), [&](Key const &key) { return key.status == status; });
    };
    auto const live = std::count_if(keys.begin(), keys.end(), [](Key const &key) { return key.live(); });
    bool const blocked =
        std::any_of(keys.begin(), keys.end(), [](Key const &key) { return key.live() && key.blocked; });
    if (live == 0) {
        return keys.empty() ? "none" : "no live key";
    }
    std::string text;
    for (KeyStatus const status : {KeyStatus::active, KeyStatus::staged, KeyStatus::retiring}) {
        if (count(status) > 0) {
            text += (text.empty() ? "" : ", ") + std::to_string(count(status)) + ' ' + std::string(text_of(status));
        }
    }
    if (blocked) {
        text += live == 1   ? "; refused while blocked"
                : live == 2 ? "; both refused while blocked"
                            : "; all refused while blocked";
    }
    return text;
}

}  // namespace relay::cli
