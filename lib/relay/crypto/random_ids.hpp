#pragma once

#include "relay/model/ids.hpp"

#include <string>
#include <string_view>

namespace relay {

/// Returns `org_` and 12 random characters of the key id's alphabet.
OrgId generate_org_id();
/// Returns `agent_` and 12 random characters of the key id's alphabet.
AgentId generate_agent_id();
/// Returns a random key id, for a public key.
KeyId generate_key_id();
/// Returns a random operation id.
OperationId generate_operation_id();
/// Returns the operation id for delivered bytes, so that a file left behind by a killed run identifies the
/// transaction that made it. It is the first 120 bits of BLAKE2b-128 of `content` with a fixed key, and reveals
/// nothing about the content, which has 256 random bits.
OperationId operation_id_for(std::string_view content);
/// Returns 32 hexadecimal digits, a W3C trace id.
std::string generate_trace_id();

}  // namespace relay
