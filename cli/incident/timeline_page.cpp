#include "cli/incident/timeline_page.hpp"

#include "cli/html/page_head.hpp"
#include "cli/incident/timeline_svg.hpp"
#include "relay/version.hpp"

namespace relay::cli::html {

namespace {

Html figure(Html const &name, std::int64_t count) {
    return element("div", element("dt", name) + element("dd", number(count)));
}

Html verdict(IncidentTimeline const &timeline) {
    Incident const &incident = timeline.incident;
    bool const ended = incident.in_force == 0;
    std::string actors;
    for (std::string const &actor : incident.actors) {
        actors += (actors.empty() ? "" : ", ") + actor;
    }
    Html const state =
        ended ? Html("No block or revocation of this ticket is in force.")
              : number(incident.in_force) +
                    (incident.in_force == 1 ? Html(" block or revocation") : Html(" blocks and revocations")) +
                    " of this ticket in force.";
    return element("div", {{"class", ended ? "verdict good" : "verdict warn"}},
                   element("p", element("strong", state)) +
                       element("p", "From " + time(incident.first_at) + " to " + time(incident.last_at) +
                                        (actors.empty() ? Html() : ", by " + escape(actors) + " (as claimed)") + ".")) +
           "\n";
}

Html figures(IncidentTimeline const &timeline) {
    return element("dl", {{"class", "figures"}},
                   figure("events under the ticket", timeline.incident.acts) +
                       figure("agents", static_cast<std::int64_t>(timeline.agents.size())) +
                       figure("refused calls", timeline.figures.refusals) +
                       figure("recorded uses", timeline.figures.uses) +
                       figure("addresses", timeline.figures.addresses)) +
           "\n";
}

Html key(Html const &kind, Html const &name) {
    return element("li", "<svg viewBox=\"0 0 12 12\" aria-hidden=\"true\"><circle class=\"event " + kind +
                             "\" cx=\"6\" cy=\"6\" r=\"5\"></circle></svg>" + name);
}

Html chart(IncidentTimeline const &timeline) {
    return element("section", {{"id", "timeline"}},
                   element("h2", "Timeline") + element("div", {{"class", "wide"}}, timeline_svg(timeline)) +
                       element("ul", {{"class", "keys"}},
                               key("act", "under the ticket") + key("used", "used by its agent") +
                                   key("failed", "refused") + key("other", "other changes"))) +
           "\n";
}

Html cell(std::optional<std::string> const &text, Html const &kind = "") {
    return element("td", {{"class", kind}}, text ? escape(*text) : Html("–"));
}

Html header(std::initializer_list<Html> names) {
    Html cells;
    for (Html const &name : names) {
        cells += element("th", {{"scope", "col"}}, name);
    }
    return element("thead", element("tr", cells));
}

Html agents(IncidentTimeline const &timeline) {
    Html rows;
    for (IncidentAgent const &agent : timeline.agents) {
        rows += element("tr", element("th", {{"class", "id"}, {"scope", "row"}}, escape(agent.agent_id.text())) +
                                  cell(agent.name, "person") +
                                  cell(agent.org_id ? std::optional(agent.org_id->text()) : std::nullopt, "id") +
                                  cell(agent.owner, "person") +
                                  cell(agent.status ? std::string(text_of(*agent.status)) : "unknown id")) +
                "\n";
    }
    if (rows.empty()) {
        return {};
    }
    return element("section", {{"id", "agents"}, {"class", "long"}},
                   element("h2", "Agents") +
                       element("div", {{"class", "wide"}},
                               element("table", element("caption", "As they were when this page was written.") +
                                                    header({"Agent", "Name", "Organization", "Owner", "Status"}) +
                                                    element("tbody", rows)))) +
           "\n";
}

Html event_row(TimelineEvent const &one) {
    Event const &event = one.event;
    auto const text_or_none = [](auto const &id) { return id ? std::optional(id->text()) : std::nullopt; };
    Html const tag = element("span", {{"class", "tag " + kind_of(one)}}, escape(event.action));
    std::string const times = event.times > 1 ? " " + std::to_string(event.times) + " times" : "";
    return element("tr", element("td", time(event.occurred_at)) + element("td", tag + escape(times)) +
                             cell(text_or_none(event.agent_id), "id") + cell(text_or_none(event.key_id), "id") +
                             cell(event.ip_address, "id") + cell(event.actor, "person") +
                             cell(event.reason, "person")) +
           "\n";
}

Html events(IncidentTimeline const &timeline) {
    Html rows;
    for (TimelineEvent const &one : timeline.events) {
        rows += event_row(one);
    }
    Html const more = timeline.left_out() > 0 ? " Left out: " + number(timeline.left_out()) +
                                                    ", the farthest from what was done under the ticket."
                                              : Html();
    return element("section", {{"id", "events"}, {"class", "long"}},
                   element("h2", "Events") +
                       element("div", {{"class", "wide"}},
                               element("table",
                                       element("caption", number(static_cast<std::int64_t>(timeline.events.size())) +
                                                              " events, the oldest first." + more) +
                                           header({"At", "Action", "Agent", "Key", "From", "By", "Reason"}) +
                                           element("tbody", rows)))) +
           "\n";
}

Html footer(IncidentTimeline const &timeline) {
    return element("footer",
                   element("p", "Read by role " + escape(timeline.db_role) + " with relay-admin " + escape(version()) +
                                    "; all times are UTC. Actors are as claimed; the audit trail also has "
                                    "the database role, which is proven.") +
                       element("p", "This page names agents, owners and addresses, but contains no secrets."));
}

}  // namespace

std::string timeline_page(IncidentTimeline const &timeline) {
    Html const title = "Incident " + escape(timeline.incident.ticket);
    Html const head =
        element("header", element("h1", title) + element("p", {{"class", "soft"}}, "as of " + time(timeline.at)));
    Html const body = element("main", "\n" + head + "\n" + verdict(timeline) + figures(timeline) + chart(timeline) +
                                          agents(timeline) + events(timeline) + footer(timeline) + "\n");
    return std::string(timeline_page_beginning) + page_head(title).text() + "\n" + element("body", body).text() +
           "\n</html>\n";
}

}  // namespace relay::cli::html
