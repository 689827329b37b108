#pragma once

#include "relay/db/order_by.hpp"
#include "relay/db/row_stream.hpp"
#include "relay/db/transaction.hpp"
#include "relay/registry/registry.hpp"

namespace relay::sql {

/// Throws Error (unavailable) on a standby.
void require_primary(db::Transaction &transaction);

std::vector<std::string> registered_sort_fields();
/// Returns agents that have registered, in order of the page's fields, then of id.
db::Stream<RegisteredAgent> list_registered(db::Transaction &transaction, ListRegistered const &request);
/// Returns an agent that has registered at some time.
std::optional<RegisteredAgent> find_registered(db::Transaction &transaction, AgentId const &agent);
/// Returns what the registry has of an agent; none if it has never registered. Works on a standby.
std::optional<RegistryEntry> registry_entry(db::Transaction &transaction, AgentId const &agent);
/// Returns its card, as JSON.
std::string card_of(db::Transaction &transaction, AgentId const &agent);
/// Returns all leases of an agent that are there, the oldest first.
std::vector<Instance> instances_of(db::Transaction &transaction, AgentId const &agent);

RegistrySummary count_registered(db::Transaction &transaction, WhichRegistered const &which);
std::vector<SkillCapacity> skill_capacity(db::Transaction &transaction, WhichRegistered const &which,
                                          std::int64_t most);

/// Ends the lease of an instance, or all leases of an agent. Returns those that it ended.
std::vector<InstanceId> end_leases(db::Transaction &transaction, AgentId const &agent,
                                   std::optional<InstanceId> const &instance);

}  // namespace relay::sql
