#pragma once

#include "relay/db/row_stream.hpp"
#include "relay/incident/timeline.hpp"

namespace relay::sql {

std::vector<std::string> incident_sort_fields();
db::Stream<Incident> list_incidents(db::Transaction &transaction, std::vector<SortField> const &sort,
                                    std::optional<std::int64_t> limit);
std::optional<Incident> find_incident(db::Transaction &transaction, std::string const &ticket);
/// Returns the tickets that `ticket` may have been meant for.
std::vector<std::string> tickets_like(db::Transaction &transaction, std::string const &ticket);
std::vector<IncidentAgent> agents_of_incident(db::Transaction &transaction, std::string const &ticket);
std::vector<std::string> orgs_of_incident(db::Transaction &transaction, std::string const &ticket);
/// Fills `events` and `figures` of a timeline, whose other members are complete.
void read_events_of_incident(db::Transaction &transaction, IncidentTimeline &timeline, std::int64_t limit);

}  // namespace relay::sql
