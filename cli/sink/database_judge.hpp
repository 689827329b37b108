#pragma once

#include "cli/sink/sink.hpp"

namespace relay::cli {

class Context;

/// Returns a Judge that asks the database of `context` about what a killed run left. It must not outlive the context.
Judge database_judge(Context &context);

/// Asks the database what became of files that a killed run left at the sink's destination, and settles them. For
/// commands that ask a question between opening the sink and writing. Throws as Sink::settle does.
void settle_sink(Context &context, Sink &sink);

}  // namespace relay::cli
