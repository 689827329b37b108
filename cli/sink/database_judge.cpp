#include "cli/sink/database_judge.hpp"

#include "cli/context.hpp"

namespace relay::cli {

Judge database_judge(Context &context) {
    return [&context](std::string_view content, std::optional<std::string> const &made_for) {
        return settle_content(context.database(), content, made_for);
    };
}

void settle_sink(Context &context, Sink &sink) { sink.settle(database_judge(context)); }

}  // namespace relay::cli
