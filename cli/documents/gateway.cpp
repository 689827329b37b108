#include "cli/documents/gateway.hpp"

#include "cli/documents/fields.hpp"

namespace relay::cli {

namespace {

Value seconds(std::optional<std::chrono::seconds> const &value) {
    return value ? Value(std::int64_t{value->count()}) : Value();
}

}  // namespace

Record gateway_record(Gateway const &gateway) {
    return {
        {"gateway_id", "Gateway ID", gateway.gateway_id},
        {"live", "Live", gateway.live},
        {"acknowledged_at", "Acknowledged", gateway.acknowledged_at},
        {"changes_behind", "Changes behind", gateway.changes_behind},
        {"behind_seconds", "Seconds behind", seconds(gateway.behind)},
        {"db_role", "Role", gateway.db_role},
        machine_only("former_role", gateway.former_role),
        machine_only("changed_hands_at", gateway.changed_hands_at),
    };
}

Record key_change_record(KeyChange const &change) {
    return {
        machine_only("kind", "KeyChange"),     machine_only("cursor", change.cursor),
        machine_only("change", change.change), machine_only("kicks", change.kicks),
        machine_only("org_id", change.org_id), machine_only("agent_id", change.agent_id),
        machine_only("key_id", change.key_id), machine_only("at", change.at),
    };
}

}  // namespace relay::cli
