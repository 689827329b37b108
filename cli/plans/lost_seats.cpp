#include "cli/plans/lost_seats.hpp"

#include "cli/input/prompt.hpp"
#include "relay/model/error.hpp"

#include <fmt/format.h>

#include <utility>

namespace relay::cli {

bool must_ask_for_seats(Context &context, std::optional<std::int64_t> const &expect) {
    return !expect && !context.globals().yes && !context.globals().dry_run;
}

std::int64_t ask_for_seats(Context &context, std::string const &loss, std::string const &question, std::int64_t lost,
                           Advice also) {
    if (!context.prompt().can_ask()) {
        throw Error(ErrorKind::usage, loss + "; nothing was changed",
                    {.why = "gateways would refuse them, and this command cannot ask",
                     .next = Advice(fmt::format("add --expect {} if you mean it", lost)).also(std::move(also))});
    }
    lost > 1 ? context.prompt().confirm_wide(question + " Continue?")
             : context.prompt().confirm(question + " Continue?");
    return lost;
}

}  // namespace relay::cli
