#pragma once

#include "cli/context.hpp"
#include "relay/identity/rotate_key.hpp"

namespace relay::cli {

/// Returns the document of kind AgentKeyRotation, for rotate-key and its --revert. With -o env it has only what a
/// script needs: AGENT_ID, KEY_ID, CHANGED.
Document rotation_document(Context &context, RotatedKey const &rotated);

}  // namespace relay::cli
