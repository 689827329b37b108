#pragma once

#include "cli/context.hpp"

namespace relay::cli {

/// Fills in what every document of a write tells besides its content: changed, dry run, trace, actor and role.
void stamp(Document &document, Context &context, WriteReceipt const &receipt);

}  // namespace relay::cli
