#pragma once

#include "relay/db/transaction.hpp"
#include "relay/identity/authentications.hpp"

namespace relay::sql {

/// Returns from where the keys of an agent were used, the latest first, at most `count` rows.
db::Pending<std::vector<Authentications>> authentications(db::Transaction &transaction, AgentId const &agent,
                                                          int count);
/// The same of one key.
db::Pending<std::vector<Authentications>> authentications(db::Transaction &transaction, KeyId const &key, int count);

}  // namespace relay::sql
