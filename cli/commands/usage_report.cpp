#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/command_line/shared_flags.hpp"
#include "cli/context.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/usage.hpp"
#include "cli/output/own_file.hpp"
#include "cli/output/redraw.hpp"
#include "cli/usage/usage_page.hpp"

#include <memory>

namespace relay::cli::usage_report_command {

namespace {

struct Options {
    std::optional<std::string> month{};
    std::optional<std::string> org{};
    std::optional<std::string> html{};
    ViewOptions view{};
};

OwnFile page_file(std::string const &path) {
    return {.flag = "--html", .path = path, .beginning = html::usage_page_beginning};
}

ExitStatus run(Options const &options, Context &context) {
    require_partner("--html", options.html.has_value(), "--org", options.org.has_value());
    ReportUsage request{.month = Month::parse(*options.month),
                        .sort = sort_fields(options.view, monthly_usage_sort_fields())};
    if (options.org) {
        request.org = OrgId::parse(*options.org);
    }
    if (options.html) {
        require_place(page_file(*options.html));
        write_own_file(page_file(*options.html),
                       html::usage_page(usage_of_month(context.database(), request.month, request.org.value())));
    }
    browse_list(context, options.view, "MonthlyUsageList", "meter", sample_monthly_usage(), monthly_usage_record,
                [&](EachItem<MonthlyUsage> const &each) { return report_usage(context.database(), request, each); });
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_value(
        set,
        {.names = "--month", .type = "MONTH", .description = "the month in UTC, such as 2026-11", .required = true},
        options->month);
    add_org_flag(set, "only this organization", options->org);
    add_value(set,
              {.names = "--html", .type = "FILE", .description = "also write one HTML page with charts, with --org"},
              options->html);
    declare_view(set, monthly_usage_sort_fields(), options->view);
    return [options](Context &context) {
        at_most_one({{"--watch", options->view.watch.has_value()}, {"--html", options->html.has_value()}});
        return redraw(context, options->view.watch, [&] { return run(*options, context); });
    };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "usage report",
    .summary = "report what organizations used in a month, for billing",
    .doc =
        R"(Lists what each organization used in a month, one line for each meter. The report has no prices: a billing
system reads it and adds them. Meters that were not used have no line.

For a flow, "used" is the sum of the month, and "peak" the most of a day. The field "days_at_limit" counts the days on
which something was refused or nothing was left. For a stock, "peak" is the most that was held at the same time. The
field "unit_hours" is amount times hours: three machines for two hours are 6.00. The field "peak_day" is the first day with
the peak, and "plan" the plan that is in force now.

The field "complete" is false while the month is not over. Days and months are in UTC. Usage is kept for 25 months.

--html FILE also writes one page for the organization that --org names, with a chart for each meter. The page needs
nothing else: no script, no request. An earlier page is replaced, any other file is not.

It also works on a standby.

Exit 0: listed, even if the list is empty. 2: the month has not begun, or is no longer kept; --html without --org. 3: no
such organization. 5, 12: FILE cannot be written.

EXAMPLES
  relay-admin usage report --month 2026-11 -o csv
  # a page for one organization
  relay-admin usage report --month 2026-11 --org acme-corp --html acme-2026-11.html
)",
    .declare = declare,
};

}  // namespace relay::cli::usage_report_command
