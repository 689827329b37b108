#pragma once

#include "cli/sink/sink.hpp"

namespace relay::cli {

class Context;

/// The database of `context` as the judge of what a killed run left. Must not outlive the context.
Judge database_judge(Context &context);

/// Settles by the database what a killed run left at the sink's destination: for commands that ask a question between opening the sink and
/// writing. Throws as Sink::settle.
void settle_sink(Context &context, Sink &sink);

}  // namespace relay::cli
