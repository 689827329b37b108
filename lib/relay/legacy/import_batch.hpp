#pragma once

#include "relay/legacy/import.hpp"
#include "relay/legacy/inventory_entry.hpp"

#include <span>

namespace relay {

/// Imports the rows of one batch, inside its transaction: makes organizations and agents that are missing, with their events, revokes
/// those that the source calls revoked, and puts the others into the inventory. Rows that do not fit are faults of the result. Throws
/// Error (limit, conflict, denied, ...) as the statements do; then nothing of the batch is kept.
ImportedLegacy import_batch(db::Transaction &transaction, ImportLegacy const &request, Attribution const &by,
                            std::span<sql::InventoryEntry const> rows);

/// A fault of a row that was read.
LegacyFault fault_of(sql::InventoryEntry const &entry, std::string reason);

}  // namespace relay
