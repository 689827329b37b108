#pragma once

#include "relay/identity/states.hpp"
#include "relay/model/ids.hpp"
#include "relay/model/time.hpp"

#include <optional>
#include <string>

namespace relay {

/// A device of a person, which was paired with an agent; without any hash.
struct Device {
    DeviceId device_id;
    AgentId agent_id;
    OrgId org_id;
    std::string name{};  ///< as its owner called it; may be hostile
    DeviceStatus status = DeviceStatus::active;
    Instant paired_at{};
    Instant token_at{};  ///< when its present refresh token was made
    Instant expires_at{};  ///< of that token; the device ends with it
    std::optional<Instant> seen_at{};
    std::optional<std::string> seen_from{};  ///< the address, if a gateway reported it
};

}  // namespace relay
