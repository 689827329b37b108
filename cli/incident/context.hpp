#pragma once

#include "cli/output/document.hpp"
#include "relay/devices/devices.hpp"
#include "relay/incident/incident.hpp"
#include "relay/inspect/inspect.hpp"

#include <optional>
#include <string>
#include <vector>

namespace relay::cli {

/// The context of one id: what it is, its keys, its last events. Null if it was not read or does not exist.
struct IncidentContext {
    std::optional<AgentDetails> agent{};
    std::optional<OrgDetails> org{};
    std::optional<KeyDetails> key{};
    std::optional<DeviceDetails> device{};
};

/// The contexts of all items of a receipt.
struct IncidentContexts {
    std::vector<IncidentContext> of{};
    std::optional<Instant> at{};  ///< the database's clock
    std::optional<std::string> failure{};  ///< why reading stopped
    bool interrupted = false;
};

/// Reads the contexts of the first few known items, unless the receipt has that of its only one. Throws nothing: the first failure ends the reading and is in the
/// result.
IncidentContexts read_contexts(db::Database &database, IncidentReceipt const &receipt);

/// Returns an item with its context, for machine formats and for a table of several items.
Record incident_record(IncidentItem const &item, IncidentContext const &context);

/// Returns one item for people: the agent's summary and last events, the organization, or the key or device and its owner. The first
/// line says whether gateways accept it now, as it was read: in a dry run, nothing of the item is in force.
Record incident_page(IncidentItem const &item, IncidentContext const &context, bool dry_run);

}  // namespace relay::cli
