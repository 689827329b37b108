#pragma once

#include "relay/fleet/rotation_run.hpp"

namespace relay {

/// Rotates into a store that is not a file: one commit confirms an agent (or as many as are delivered at the same time),
/// and stages the key of the next one. On a dry run, each agent is tried alone and rolled back.
void rotate_to_store(RotationRun &run, BatchDelivery &delivery);

}  // namespace relay
