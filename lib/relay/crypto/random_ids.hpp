#pragma once

#include "relay/model/ids.hpp"

#include <string>
#include <string_view>

namespace relay {

/// `org_` + 12 random characters of the key id's alphabet.
OrgId generate_org_id();
/// `agent_` + 12 random characters of the key id's alphabet.
AgentId generate_agent_id();
/// A random operation id.
OperationId generate_operation_id();
/// The operation id that belongs to delivered bytes: the first 120 bits of BLAKE2b-128 of `content` under a key of our
/// own, so that a file left behind by a killed run names the transaction that made it. Reveals nothing about the
/// content (which holds 256 random bits).
OperationId operation_id_for(std::string_view content);
/// 32 hexadecimal digits, as a W3C trace id.
std::string generate_trace_id();

}  // namespace relay
