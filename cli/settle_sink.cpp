#include "cli/settle_sink.hpp"

#include "cli/context.hpp"

namespace relay::cli {

void settle_sink(Context &context, Sink &sink) {
    sink.settle([&context](std::string_view content) { return settle_content(context.database(), content); });
}

}  // namespace relay::cli
