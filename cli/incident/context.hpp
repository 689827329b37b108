#pragma once

#include "cli/output/document.hpp"
#include "relay/incident/incident.hpp"
#include "relay/inspect/inspect.hpp"

#include <optional>
#include <string>
#include <vector>

namespace relay::cli {

/// What stands around one id: who it is, its keys, what it did last. Null where it was not read, or there is nothing.
struct IncidentContext {
    std::optional<AgentDetails> agent{};
    std::optional<OrgDetails> org{};
    std::optional<KeyDetails> key{};
};

/// One for each item of a receipt.
struct IncidentContexts {
    std::vector<IncidentContext> of{};
    std::optional<Instant> at{};  ///< the database's clock
    std::optional<std::string> failure{};  ///< why the reading stopped
    bool interrupted = false;
};

/// Reads the context of the first few items that are known. Throws nothing: what fails is told in the result, and ends the reading.
IncidentContexts read_contexts(db::Database &database, std::vector<IncidentItem> const &items);

/// An item with its context, for the machine formats and for the table of several.
Record incident_record(IncidentItem const &item, IncidentContext const &context);

/// One item for a person: the agent's summary and last events, the organization, the key and its owner.
Record incident_page(IncidentItem const &item, IncidentContext const &context);

}  // namespace relay::cli
