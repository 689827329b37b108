#pragma once

#include "relay/db/transaction.hpp"
#include "relay/incident/incident.hpp"

namespace relay::sql {

/// `only`: no other agent.
std::vector<AgentToRenew> agents_to_renew(db::Transaction &transaction, OfIncident const &what, Attribution const &by,
                                          std::optional<AgentId> const &only = {});

std::vector<FreshBefore> fresh_before(db::Transaction &transaction, std::vector<FreshFile> const &files,
                                      OfIncident const &what, Attribution const &by);

}  // namespace relay::sql
