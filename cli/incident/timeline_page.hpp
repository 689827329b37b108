#pragma once

#include "relay/incident/timeline.hpp"

#include <string>
#include <string_view>

namespace relay::cli::html {

/// How the page begins; a later run recognizes its own page by this.
inline constexpr std::string_view timeline_page_beginning =
    "<!DOCTYPE html>\n<html lang=\"en\" data-relay-admin=\"Incident\">\n";

/// Returns an incident as one self-contained page: no script, no request, and a policy that forbids both. All text from
/// the database is escaped.
std::string timeline_page(IncidentTimeline const &timeline);

}  // namespace relay::cli::html
