#include "cli/documents/timeline.hpp"

#include "cli/documents/event.hpp"
#include "cli/documents/fields.hpp"
#include "relay/model/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace relay::cli {

namespace {

Record event_item(TimelineEvent const &one) {
    Record record = listed_event_record(one.event);
    record.push_back(machine_only("under_ticket", one.under_ticket));
    return record;
}

Record agent_item(IncidentAgent const &agent) {
    return {
        {"agent_id", "Agent ID", agent.agent_id}, {"org_id", "Org ID", agent.org_id}, {"name", "Name", agent.name},
        {"owner", "Owner", agent.owner},          {"status", "Status", agent.status},
    };
}

}  // namespace

Record incident_list_record(Incident const &incident) {
    return {
        {"ticket", "Ticket", incident.ticket},
        {"first_at", "First", incident.first_at, {.leaves = 3}},
        {"last_at", "Last", incident.last_at, {.leaves = 1}},
        {"acts", "Events", incident.acts, {.leaves = 4}},
        {"agents", "Agents", incident.agents, {.leaves = 5}},
        {"in_force", "In force", incident.in_force},
        {"actors", "By", incident.actors, {.leaves = 2, .cut = true}},
    };
}

Document timeline_document(IncidentTimeline const &timeline, std::optional<std::string> const &page) {
    Document document{.kind = "IncidentEventList", .id_key = "event_id", .is_list = true};
    document.columns = blank(event_item({.event = sample_event()}));
    std::transform(timeline.events.begin(), timeline.events.end(), std::back_inserter(document.items), event_item);
    std::vector<Record> agents;
    std::transform(timeline.agents.begin(), timeline.agents.end(), std::back_inserter(agents), agent_item);
    document.about_list = {
        machine_only("incident", incident_list_record(timeline.incident)),
        machine_only("agents", std::move(agents)),
        machine_only("orgs", timeline.orgs),
        machine_only("from", timeline.from),
        machine_only("to", timeline.to),
        machine_only("page", page),
    };
    if (timeline.left_out() > 0) {
        document.warnings.push_back("left out: the " + counted(timeline.left_out(), "event") +
                                    " farthest from what was done under the ticket; use a higher --limit");
    }
    return document;
}

std::string timeline_summary(IncidentTimeline const &timeline) {
    Incident const &incident = timeline.incident;
    std::string actors;
    for (std::string const &actor : incident.actors) {
        actors += (actors.empty() ? " by " : ", ") + actor;
    }
    return fmt::format("{}: {}{}, {}; blocks and revocations in force: {}", incident.ticket,
                       counted(incident.acts, "event"), actors, counted(timeline.agents.size(), "agent"),
                       incident.in_force);
}

}  // namespace relay::cli
