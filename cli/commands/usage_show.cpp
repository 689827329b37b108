#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/command_line/shared_flags.hpp"
#include "cli/context.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/usage.hpp"
#include "cli/output/redraw.hpp"

#include <memory>

namespace relay::cli::usage_show_command {

namespace {

struct Options {
    SpelledId org{};
    std::optional<std::string> day{};
    ViewOptions view{};
};

ExitStatus run(Options const &options, Context &context) {
    ShowUsage request{.org = OrgId::parse(options.org.required()),
                      .sort = sort_fields(options.view, usage_sort_fields())};
    if (options.day) {
        request.day = Day::parse(*options.day);
    }
    browse_list(context, options.view, "UsageList", "meter", sample_usage(), usage_record,
                [&](EachItem<MeterUsage> const &each) { return list_usage(context.database(), request, each); });
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_org(set, options->org);
    add_value(set, {.names = "--day", .type = "DAY", .description = "the use of this day in UTC, such as 2026-11-30"},
              options->day);
    declare_view(set, usage_sort_fields(), options->view);
    return [options](Context &context) {
        return redraw(context, options->view.watch, [&] { return run(*options, context); });
    };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "usage show",
    .summary = "show what an organization uses, its limits, what is left",
    .doc =
        R"(Lists the meters that the organization uses today, or of which it has a limit. Each line shows how much is used,
the limit in force, and how much is left. For a flow, it also shows when the next day begins. All days are in UTC, by the
database's clock.

If gateways refused something today because of a limit, the last column says how often. The limit of a stock counts what
is held now. While a subscription is past due or cancelled, "left" is what the plan that comes next leaves.

--day shows another day. Then a stock shows the most that was held at the same time on that day. The limits are those of
today. Usage is kept for 25 months.

It also works on a standby.

Exit 0: shown. 2: the day has not begun, or is no longer kept. 3: no such organization.

EXAMPLES
  relay-admin usage show acme-corp
  # the use of another day
  relay-admin usage show acme-corp --day 2026-11-17
)",
    .declare = declare,
};

}  // namespace relay::cli::usage_show_command
