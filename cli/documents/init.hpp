#pragma once

#include "cli/context.hpp"
#include "cli/output/document.hpp"
#include "cli/sink/options.hpp"
#include "relay/identity/initialize.hpp"

namespace relay::cli {

/// Returns the result of `init`: the agent and its key as in created_agent_record, the organization, and which
/// migrations were applied.
Record init_record(Initialized const &made);

/// Prints on stderr, for a person at a terminal, the three commands that are needed next, or that nothing changed.
void tell_next_steps(Initialized const &made, SinkOptions const &sink, Context &context);

}  // namespace relay::cli
