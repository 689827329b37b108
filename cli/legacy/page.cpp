#include "cli/legacy/page.hpp"

#include "cli/html/page_head.hpp"
#include "cli/legacy/burn_down_svg.hpp"
#include "cli/legacy/next_steps.hpp"
#include "cli/legacy/page_tables.hpp"
#include "cli/legacy/status_document.hpp"
#include "cli/legacy/window_document.hpp"
#include "cli/output/command_text.hpp"
#include "relay/version.hpp"

#include <fmt/format.h>

namespace relay::cli::html {

namespace {

/// Returns text with instants in it.
Html words(Phrase const &phrase) {
    Html made;
    for (auto const &part : phrase) {
        auto const *at = std::get_if<Instant>(&part);
        made += at != nullptr ? time(*at) : escape(std::get<std::string>(part));
    }
    return made;
}

Html title(LegacyStatus const &status) {
    return number(status.counts.left()) + " of " + number(status.counts.total()) + " agents left on the shared secret";
}

struct Verdict {
    Html kind;
    Html word;
    Html more{};
};

Verdict verdict_of(LegacyStatus const &status) {
    bool const moving = status.window && status.window->is_moving();
    if (moving && status.counts.left() + status.counts.imported == 0) {
        return {"good", "No agents left."};
    }
    if (status.window && status.window->state == LegacyWindowState::expired) {
        return {"bad", "Expired."};
    }
    if (status.window && status.window->state == LegacyWindowState::finished) {
        return {"good", "Finished."};
    }
    if (!moving) {
        return {"warn", "Not running."};
    }
    if (!status.estimated_end()) {
        return {"warn", "No pace yet.", "no agent has left the list lately, so there is no estimate"};
    }
    Html const estimate = "done by " + escape(describe_estimate(status)) + ", at the current pace";
    return status.is_late() ? Verdict{"bad", "Late.", estimate} : Verdict{"good", "On time.", estimate};
}

Html verdict(LegacyStatus const &status) {
    Verdict const made = verdict_of(status);
    Html const estimate = made.more.empty() ? Html() : element("p", {{"class", "soft"}}, made.more + ".");
    return element("div", {{"class", "verdict " + made.kind}},
                   element("p", element("strong", made.word)) +
                       element("p", words(describe_window(status.window, status.at)) + ".") + estimate) +
           "\n";
}

Html figure(Html const &name, std::int64_t count) {
    return element("div", element("dt", name) + element("dd", number(count)));
}

Html figures(LegacyCounts const &counts) {
    return element("dl", {{"class", "figures"}},
                   figure("agents left", counts.left()) + figure("on their own key", counts.proven) +
                       figure("on the shared secret", counts.on_shared_secret) + figure("silent", counts.silent) +
                       figure("never seen", counts.never_seen) + figure("no key yet", counts.listed)) +
           "\n";
}

struct Share {
    Html kind;
    Html name;
    std::int64_t count;
};

/// Returns the fleet as one bar, with a key of its colors.
Html progress(LegacyCounts const &counts) {
    if (counts.total() == 0) {
        return {};
    }
    std::vector<Share> const shares{{"proven", "on their own key", counts.proven},
                                    {"issued", "key issued, not used", counts.issued},
                                    {"listed", "no key yet", counts.listed},
                                    {"imported", "not listed", counts.imported},
                                    {"revoked", "revoked", counts.revoked}};
    Html bars;
    Html keys;
    double from = 0;
    for (Share const &share : shares) {
        double const part = 100.0 * static_cast<double>(share.count) / static_cast<double>(counts.total());
        if (share.count > 0) {
            bars += element("rect",
                            {{"class", share.kind},
                             {"x", escape(fmt::format("{:.3f}", from))},
                             {"width", escape(fmt::format("{:.3f}", part))},
                             {"height", "4"}},
                            element("title", number(share.count) + " " + share.name));
            keys += element("li", "<svg class=\"key\" viewBox=\"0 0 12 12\" aria-hidden=\"true\"><rect class=\"" +
                                      share.kind + "\" width=\"12\" height=\"12\" rx=\"3\"></rect></svg>" +
                                      number(share.count) + " " + share.name);
        }
        from += part;
    }
    return element("section", element("h2", number(counts.total()) + " agents were imported") +
                                  element("svg",
                                          {{"class", "bar"},
                                           {"viewBox", "0 0 100 4"},
                                           {"preserveAspectRatio", "none"},
                                           {"aria-hidden", "true"}},
                                          bars) +
                                  element("ul", {{"class", "keys"}}, keys)) +
           "\n";
}

Html chart_key(Html const &kind, Html const &name) {
    return element("li", "<svg viewBox=\"0 0 12 12\" aria-hidden=\"true\"><line class=\"" + kind +
                             "\" x1=\"0\" y1=\"6\" x2=\"12\" y2=\"6\"></line></svg>" + name);
}

Html chart(LegacyStatus const &status) {
    Html const drawn = burn_down_svg(status);
    if (drawn.empty()) {
        return {};
    }
    Html keys = chart_key("left", "agents left") + chart_key("even", "an even pace to the deadline");
    keys += status.estimated_end() ? chart_key("projection", "at the current pace") : Html();
    return element("section", {{"id", "burn-down"}},
                   element("h2", "Burn-down") + element("div", {{"class", "wide"}}, drawn) +
                       element("ul", {{"class", "keys"}}, keys) + burn_down_figures(status)) +
           "\n";
}

Html steps(LegacyStatus const &status, Globals const &globals) {
    Html items;
    for (NextStep const &step : next_steps(status)) {
        Html const command =
            step.command.empty() ? Html() : element("code", escape(command_line(globals, step.command)));
        items += element("li", escape(step.what) + command);
    }
    return items.empty() ? Html()
                         : element("section", {{"id", "next"}},
                                   element("h2", "Next steps") + element("ol", {{"class", "steps"}}, items)) +
                               "\n";
}

Html footer(LegacyStatus const &status) {
    return element("footer",
                   element("p", "Pace: " + escape(describe_pace(status)) + ". Read by role " + escape(status.db_role) +
                                    " with relay-admin " + escape(version()) + "; all times are UTC.") +
                       element("p", "This page names agents, owners and addresses, but contains no secrets."));
}

}  // namespace

std::string legacy_page(LegacyStatus const &status, Globals const &globals) {
    Html const header = element("header", element("h1", "Leaving the shared secret") +
                                              element("p", {{"class", "soft"}}, "as of " + time(status.at)));
    Html const body =
        element("main", "\n" + header + "\n" + verdict(status) + figures(status.counts) + progress(status.counts) +
                            chart(status) + steps(status, globals) + owner_section(status) +
                            straggler_sections(status, globals) + footer(status) + "\n");
    return std::string(legacy_page_beginning) + page_head(title(status)).text() + "\n" + element("body", body).text() +
           "\n</html>\n";
}

}  // namespace relay::cli::html
