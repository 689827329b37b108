#include "cli/registry/registry_page.hpp"

#include "cli/documents/registered.hpp"
#include "cli/html/page_head.hpp"
#include "cli/output/relative_time.hpp"
#include "relay/version.hpp"

namespace relay::cli::html {

namespace {

Html verdict(RegistrySummary const &summary) {
    Html const state = summary.agents == 0 ? Html("No agent runs.")
                       : summary.late > 0 ? number(summary.late) + " of " + number(summary.agents) + " agents are late."
                                          : Html("Every agent is on time.");
    return element("div", {{"class", summary.late > 0 || summary.agents == 0 ? "verdict warn" : "verdict good"}},
                   element("p", element("strong", state))) +
           "\n";
}

Html figure(Html const &name, std::int64_t count) {
    return element("div", element("dt", name) + element("dd", number(count)));
}

Html figures(RegistrySummary const &summary) {
    return element("dl", {{"class", "figures"}},
                   figure("agents run", summary.agents) + figure("processes", summary.instances) +
                       figure("late", summary.late) + figure("not found by searches", summary.unfound)) +
           "\n";
}

Html header(std::initializer_list<std::pair<Html, Html>> names) {
    Html cells;
    for (auto const &[name, kind] : names) {
        cells += element("th", {{"scope", "col"}, {"class", kind}}, name);
    }
    return element("thead", element("tr", cells));
}

Html table(Html const &caption, Html const &head, Html const &rows) {
    return element("div", {{"class", "wide"}},
                   element("table", element("caption", caption) + head + element("tbody", rows)));
}

Html count(std::int64_t value) { return element("td", {{"class", "number"}}, number(value)); }

Html skills(RegistrySummary const &summary) {
    Html rows;
    for (SkillCapacity const &skill : summary.skills) {
        rows += element("tr", element("th", {{"scope", "row"}, {"class", "id"}}, escape(skill.skill)) +
                                  count(skill.agents) + count(skill.instances)) +
                "\n";
    }
    bool const full = static_cast<std::int64_t>(summary.skills.size()) == most_skills_on_page;
    return element("section", {{"id", "skills"}},
                   element("h2", "Capacity by skill") +
                       table("Agents that searches find, and their processes that take work; the most first." +
                                 (full ? Html(" Skills beyond the first 100 are not on this page.") : Html()),
                             header({{"Skill", "id"}, {"Agents", "number"}, {"Processes", "number"}}), rows)) +
           "\n";
}

Html moment(Instant at, Instant now) {
    return time(at) + " " + element("span", {{"class", "ago"}}, escape(relative_time(at, now)));
}

Html agents(RegistryPage const &page) {
    Html rows;
    for (RegisteredAgent const &agent : page.agents) {
        rows += element("tr", element("th", {{"scope", "row"}, {"class", "id"}}, escape(agent.agent_id.text())) +
                                  element("td", escape(agent.name)) + element("td", escape(agent.org_id.text())) +
                                  count(agent.instances) + count(agent.skills) +
                                  element("td", moment(*agent.since, page.read.at)) +
                                  element("td", escape(relative_time(*agent.lease_ends_at, page.read.at))) +
                                  element("td", escape(registered_note(agent)))) +
                "\n";
    }
    return element("section", {{"id", "agents"}, {"class", "long"}},
                   element("h2", "Agents") +
                       table(page.more ? Html("The first 1000 by id; more run.") : Html("All that run, by id."),
                             header({{"Agent", "id"},
                                     {"Name", ""},
                                     {"Organization", ""},
                                     {"Processes", "number"},
                                     {"Skills", "number"},
                                     {"Since", ""},
                                     {"Lease ends", ""},
                                     {"Note", ""}}),
                             rows)) +
           "\n";
}

Html footer(RegistryPage const &page) {
    return element("footer",
                   element("p", "Read by role " + escape(page.read.db_role) + " with relay-admin " + escape(version()) +
                                    "; all times are UTC, by the clock of the database.") +
                       element("p", "Names and skills are as the agents sent them. This page contains no secrets."));
}

}  // namespace

std::string registry_page(RegistryPage const &page) {
    Html const title = number(page.summary.agents) + " agents run";
    Html const which = page.which.empty() ? Html("All organizations") : escape(page.which);
    Html const head = element("header", element("h1", "Registry") +
                                            element("p", {{"class", "soft"}}, which + ", as of " + time(page.read.at)));
    Html body = "\n" + head + "\n" + verdict(page.summary) + figures(page.summary);
    if (page.summary.agents > 0) {
        body += skills(page.summary) + agents(page);
    }
    body += footer(page) + "\n";
    return std::string(registry_page_beginning) + page_head(title).text() + "\n" +
           element("body", element("main", body)).text() + "\n</html>\n";
}

}  // namespace relay::cli::html
