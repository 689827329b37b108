#pragma once

#include "cli/incident/context.hpp"
#include "cli/incident/report.hpp"

#include <vector>

namespace relay::cli {

/// Says on stderr which command undoes a block or a revocation, and which one a responder needs then.
void say_undo(Context &context, IncidentVerb verb, IncidentItem const &item);

/// Returns the blocks and revocations that still refuse an item after one was lifted.
std::vector<Standing> standing_left(IncidentItem const &item, IncidentContext const &context);

/// Says on stderr which commands lift what still refuses the items of a receipt.
void say_left_over(Context &context, IncidentReceipt const &receipt, IncidentContexts const &contexts);

}  // namespace relay::cli
