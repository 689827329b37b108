#pragma once

#include "relay/legacy/import.hpp"
#include "relay/legacy/import_sql.hpp"

/// One row of an inventory: what it says, and how that compares.
namespace relay {

/// Throws Error (usage), which says what is wrong with the row.
sql::InventoryEntry read_entry(LegacyRow const &row, std::optional<OrgId> const &default_org);

/// Returns a hash of everything that a row says, to find out whether a second row says the same.
std::size_t row_digest(sql::InventoryEntry const &entry);

/// What differs between an agent that is there and a row; empty: nothing.
std::string difference(sql::InventoryEntry const &entry, sql::KnownAgent const &known);

}  // namespace relay
