#pragma once

#include "cli/output/document.hpp"
#include "relay/incident/timeline.hpp"

namespace relay::cli {

/// Returns a ticket as the item of a list.
Record incident_list_record(Incident const &incident);
/// Returns the events of a ticket as a document of kind IncidentEventList, without its stamp. `page`: the file of the
/// HTML page.
Document timeline_document(IncidentTimeline const &timeline, std::optional<std::string> const &page);
/// Returns the incident in one sentence.
std::string timeline_summary(IncidentTimeline const &timeline);

}  // namespace relay::cli
