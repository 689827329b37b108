#pragma once

#include "relay/db/database.hpp"
#include "relay/legacy/records.hpp"
#include "relay/model/ids.hpp"

#include <functional>
#include <optional>

namespace relay {

/// Passes to `take` each key that an agent of the inventory got since its import, in order of agent id, whoever
/// issued it and in whichever window. `org`: only this organization's agents. Throws as Database::transact.
void read_issued_legacy(db::Database &database, std::optional<OrgId> const &org,
                        std::function<void(IssuedLegacyKey const &)> const &take);

}  // namespace relay
