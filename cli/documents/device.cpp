#include "cli/documents/device.hpp"

#include "cli/documents/fields.hpp"

namespace relay::cli {

Device sample_device() {
    return {.device_id = any_id<DeviceId>(), .agent_id = any_id<AgentId>(), .org_id = any_id<OrgId>()};
}

Record device_record(Device const &device) {
    return {
        {"device_id", "Device ID", device.device_id},
        {"name", "Name", device.name, {.leaves = 3, .cut = true}},
        {"agent_id", "Agent ID", device.agent_id},
        {"org_id", "Org ID", device.org_id, {.leaves = 5}},
        {"status", "Status", device.status},
        {"paired_at", "Paired", device.paired_at, {.leaves = 4}},
        machine_only("token_at", device.token_at),
        {"expires_at", "Expires", device.expires_at, {.leaves = 2}},
        {"seen_at", "Last seen", device.seen_at, {.leaves = 1}},
        {"seen_from", "From", device.seen_from, {.leaves = 6}},
    };
}

}  // namespace relay::cli
