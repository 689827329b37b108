#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/command_line/shared_flags.hpp"
#include "cli/context.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/usage.hpp"
#include "cli/output/redraw.hpp"

#include <memory>

namespace relay::cli::usage_holds_command {

namespace {

struct Options {
    SpelledId org{};
    std::optional<std::string> meter{};
    ViewOptions view{};
};

ExitStatus run(Options const &options, Context &context) {
    ListHolds request{.org = OrgId::parse(options.org.required()),
                      .sort = sort_fields(options.view, hold_sort_fields())};
    if (options.meter) {
        request.meter = MeterName::parse(*options.meter);
    }
    browse_list(context, options.view, "HoldList", "hold_id", sample_hold(), hold_record,
                [&](EachItem<Hold> const &each) { return list_holds(context.database(), request, each); });
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_org(set, options->org);
    add_value(set, {.names = "--meter", .type = "METER", .description = "only holds of this meter, such as vms"},
              options->meter);
    declare_view(set, hold_sort_fields(), options->view);
    return [options](Context &context) {
        return redraw(context, options->view.watch, [&] { return run(*options, context); });
    };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "usage holds",
    .summary = "list what an organization holds",
    .doc =
        R"(Lists the machines, storage and other stocks that the organization holds now. Each line shows the name that the
caller gave the hold, its amount, its provider, and since when. Changing the amount of a hold begins a new one, so
"since" is when this amount began.

If a caller was lost and did not release a hold, release it by its name with `usage release`.

It also works on a standby.

Exit 0: listed, even if the list is empty. 2: no such meter. 3: no such organization.

EXAMPLES
  relay-admin usage holds acme-corp
  # the longest first
  relay-admin usage holds acme-corp --meter vms --sort since
)",
    .declare = declare,
};

}  // namespace relay::cli::usage_holds_command
