#pragma once

#include "relay/db/database.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/page.hpp"

#include <string>
#include <vector>

/// What was done under a ticket, and what happened around it. Reads only; also works on a standby.
namespace relay {

/// Everything that was done under one ticket.
struct Incident {
    std::string ticket{};
    Instant first_at{};
    Instant last_at{};
    std::int64_t acts = 0;  ///< events with the ticket
    std::int64_t agents = 0;  ///< to which they were done
    std::vector<std::string> actors{};  ///< as claimed, sorted
    std::int64_t in_force = 0;  ///< blocks and revocations under the ticket that are in force
};

std::vector<std::string> incident_sort_fields();
/// Lists the tickets of the audit trail, the latest first.
ListEnd list_incidents(db::Database &database, PageRequest const &page, EachItem<Incident> const &each);

/// An agent to which something was done under the ticket, as it is now.
struct IncidentAgent {
    AgentId agent_id;
    std::optional<OrgId> org_id{};  ///< none: there is no such agent
    std::optional<std::string> name{};
    std::optional<std::string> owner{};
    std::optional<Status> status{};
};

struct TimelineEvent {
    Event event{};
    bool under_ticket = false;
};

struct ShowIncident {
    std::string ticket{};
    std::chrono::seconds around{
        3600};  ///< also events of its agents up to this long before the first act and after the last
    std::int64_t limit = 1000;  ///< of events, but events with the ticket are never left out
};

/// Counts of all events, also of those that the limit leaves out.
struct IncidentFigures {
    std::int64_t events = 0;
    std::int64_t refusals = 0;  ///< calls, with those that were folded into one event
    std::int64_t uses = 0;  ///< events of a use of a key or of the shared secret
    std::int64_t addresses = 0;
};

struct IncidentTimeline {
    Incident incident{};
    Instant from{};
    Instant to{};
    std::vector<IncidentAgent> agents{};  ///< sorted by id
    std::vector<std::string> orgs{};  ///< that were blocked or revoked as a whole: all their agents count
    std::vector<TimelineEvent> events{};  ///< the oldest first
    IncidentFigures figures{};
    Instant at{};
    std::string db_role{};

    std::int64_t left_out() const { return figures.events - static_cast<std::int64_t>(events.size()); }
};
/// Returns what was done under a ticket, and every event of its agents around it, up to the limit: those nearest to
/// something that was done. Throws Error: not_found, with similar
/// tickets.
IncidentTimeline show_incident(db::Database &database, ShowIncident const &request);

}  // namespace relay
