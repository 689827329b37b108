#pragma once

#include "relay/db/database.hpp"
#include "relay/legacy/records.hpp"
#include "relay/model/ids.hpp"

#include <functional>
#include <optional>

namespace relay {

/// Gives each key that an agent of the inventory got since it was imported to `take`, in the order of the agents' ids: from the database alone,
/// whoever issued it, in whichever window. `org`: only of this organization. Throws as Database::transact.
void read_issued_legacy(db::Database &database, std::optional<OrgId> const &org,
                        std::function<void(IssuedLegacyKey const &)> const &take);

}  // namespace relay
