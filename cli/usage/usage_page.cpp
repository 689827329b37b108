#include "cli/usage/usage_page.hpp"

#include "cli/html/page_head.hpp"
#include "cli/usage/usage_svg.hpp"
#include "relay/version.hpp"

#include <algorithm>

namespace relay::cli::html {

namespace {

Html verdict(UsageOfMonth const &usage) {
    Html const state = usage.lines.empty() ? Html("Nothing was used.")
                       : usage.complete    ? Html("The month is over: these numbers are final.")
                                           : Html("The month is not over: these numbers will grow.");
    return element("div", {{"class", usage.complete || usage.lines.empty() ? "verdict good" : "verdict warn"}},
                   element("p", element("strong", state))) +
           "\n";
}

Html optional_number(std::optional<std::int64_t> const &value) {
    return element("td", {{"class", "number"}}, value ? number(*value) : Html("–"));
}

Html header(std::initializer_list<std::pair<Html, Html>> names) {
    Html cells;
    for (auto const &[name, kind] : names) {
        cells += element("th", {{"scope", "col"}, {"class", kind}}, name);
    }
    return element("thead", element("tr", cells));
}

Html lines(UsageOfMonth const &usage) {
    Html rows;
    for (MonthlyUsage const &line : usage.lines) {
        rows += element("tr", element("th", {{"scope", "row"}, {"class", "id"}}, escape(line.meter.text())) +
                                  element("td", escape(line.unit)) + optional_number(line.used) +
                                  element("td", {{"class", "number"}},
                                          line.unit_hours ? escape(*line.unit_hours) : Html("–")) +
                                  element("td", {{"class", "number"}}, number(line.peak)) +
                                  element("td", escape(line.peak_day.text())) + optional_number(line.days_at_limit)) +
                "\n";
    }
    return element("section", {{"id", "usage"}},
                   element("h2", "Usage") + element("div", {{"class", "wide"}},
                                                    element("table", header({{"Meter", ""},
                                                                             {"Unit", ""},
                                                                             {"Used", "number"},
                                                                             {"Unit hours", "number"},
                                                                             {"Peak", "number"},
                                                                             {"Peak day", ""},
                                                                             {"Days at limit", "number"}}) +
                                                                         element("tbody", rows)))) +
           "\n";
}

Html chart(UsageOfMonth const &usage, MonthlyUsage const &line) {
    Html const what = line.used ? Html(" by day") : Html(": the most that was held on each day");
    return element("section", {{"class", "chart"}},
                   element("h2", escape(line.meter.text()) + what) +
                       element("div", {{"class", "wide"}}, usage_svg(usage, line))) +
           "\n";
}

Html days(UsageOfMonth const &usage) {
    Html rows;
    for (DailyUsage const &one : usage.days) {
        rows += element("tr", element("td", escape(one.day.text())) +
                                  element("td", {{"class", "id"}}, escape(one.meter.text())) +
                                  element("td", {{"class", "number"}}, number(one.used))) +
                "\n";
    }
    return element("section", {{"id", "days"}, {"class", "long"}},
                   element("h2", "Days") +
                       element("details",
                               element("summary", "The numbers of the charts") +
                                   element("div", {{"class", "wide"}},
                                           element("table", header({{"Day", ""}, {"Meter", ""}, {"Used", "number"}}) +
                                                                element("tbody", rows))))) +
           "\n";
}

Html footer(UsageOfMonth const &usage) {
    return element(
        "footer",
        element("p", "Read by role " + escape(usage.read.db_role) + " with relay-admin " + escape(version()) +
                         "; days and months are in UTC. A flow is counted when a gateway takes it; of a stock, unit "
                         "hours are amount × hours.") +
            element("p", "This page has no prices and contains no secrets."));
}

}  // namespace

std::string usage_page(UsageOfMonth const &usage) {
    Html const title = "Usage of " + escape(usage.org.text()) + " in " + escape(usage.month.text());
    Html const head =
        element("header", element("h1", title) + element("p", {{"class", "soft"}},
                                                         escape(usage.org_name) + ", as of " + time(usage.read.at)));
    Html body = "\n" + head + "\n" + verdict(usage);
    if (!usage.lines.empty()) {
        body += lines(usage);
        for (MonthlyUsage const &line : usage.lines) {
            body += chart(usage, line);
        }
        body += days(usage);
    }
    body += footer(usage) + "\n";
    return std::string(usage_page_beginning) + page_head(title).text() + "\n" +
           element("body", element("main", body)).text() + "\n</html>\n";
}

}  // namespace relay::cli::html
