#pragma once

#include "cli/sink/sink.hpp"

namespace relay::cli {

class Context;

/// Settles by the database what a killed run left at the sink's destination: for commands that ask a question between opening the sink and
/// writing. Throws as Sink::settle.
void settle_sink(Context &context, Sink &sink);

}  // namespace relay::cli
