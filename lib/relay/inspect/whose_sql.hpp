#pragma once

#include "relay/inspect/whose.hpp"

namespace relay::sql {

/// Returns the keys and tokens that have these ids, in the order of the ids. Other ids are left out.
db::Pending<std::vector<Whose>> whose_keys(db::Transaction &transaction, std::vector<KeyId> const &ids);

/// Returns an agent without a key, or an organization.
Whose whose_agent(db::Transaction &transaction, AgentId const &agent);
Whose whose_org(db::Transaction &transaction, OrgId const &org);

std::vector<AgentWithoutKey> agents_without_key(db::Transaction &transaction, std::vector<KeyId> const &keys);

}  // namespace relay::sql
