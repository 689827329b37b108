#pragma once

#include "relay/call_policy/call_policy.hpp"
#include "relay/db/order_by.hpp"
#include "relay/db/row_stream.hpp"

namespace relay::sql {

/// Returns what is in force for a scope.
CallPolicy call_policy(db::Transaction &transaction, PolicyScope const &scope);

/// Inserts a row, unless the scope has one that says the same. Returns it.
std::optional<PolicyChange> insert_change(db::Transaction &transaction, PolicyScope const &scope, PolicySetting setting,
                                          std::string const &value, PolicyEnd const &until, Attribution const &by);
/// Lifts all rows of a setting in a scope. Returns them.
std::vector<PolicyChange> lift_setting(db::Transaction &transaction, PolicyScope const &scope, PolicySetting setting,
                                       Note const &by);
/// Lifts those of these rows that are neither lifted nor over. Returns them.
std::vector<PolicyChange> lift_changes(db::Transaction &transaction, std::vector<PolicyChange> const &changes,
                                       Note const &by);
/// Returns the change with this id, or those that were made under the ticket.
std::vector<PolicyChange> find_changes(db::Transaction &transaction, std::optional<std::int64_t> change_id,
                                       std::optional<std::string> const &ticket);
/// Returns whether each of these rows is lifted, or has ended by the clock.
bool are_over(db::Transaction &transaction, std::vector<PolicyChange> const &changes);
/// Returns whether the scope itself says so: after insert_change, whether it made a row or not.
bool says(db::Transaction &transaction, PolicyScope const &scope, PolicySetting setting, std::string const &value,
          PolicyEnd const &until, Attribution const &by);
/// Returns whether the scope itself says nothing about a setting: after lift_setting.
bool says_nothing(db::Transaction &transaction, PolicyScope const &scope, PolicySetting setting);

/// Sets (none: removes) the limit of calls of an organization or an agent itself. Returns whether that changed it.
bool set_qps(db::Transaction &transaction, PolicyScope const &scope, std::optional<std::int64_t> amount);
/// Sets (empty: removes) the list of an organization or an agent itself. Returns whether that changed it.
bool set_addresses(db::Transaction &transaction, PolicyScope const &scope, std::vector<IpRange> const &addresses);
/// Return whether the scope itself has exactly this limit, or this list (none, empty: that it has none).
bool has_qps(db::Transaction &transaction, PolicyScope const &scope, std::optional<std::int64_t> amount);
bool has_addresses(db::Transaction &transaction, PolicyScope const &scope, std::vector<IpRange> const &addresses);
/// Returns whether gateways' calls look at the policies of the scope at all (relay.guarded_calls).
bool is_guarded(db::Transaction &transaction, PolicyScope const &scope);
/// Returns whether each address of `inner` is in a range of `outer`; an empty list is every address.
bool are_within(db::Transaction &transaction, std::vector<std::string> const &inner,
                std::vector<std::string> const &outer);

std::vector<std::string> rule_sort_fields();
db::Stream<PolicyRule> list_rules(db::Transaction &transaction, OrgId const &org, std::vector<SortField> const &sort,
                                  std::optional<std::int64_t> limit);
std::vector<std::string> change_sort_fields();
db::Stream<PolicyChange> list_changes(db::Transaction &transaction, PolicyScope const &of,
                                      std::vector<SortField> const &sort, std::optional<std::int64_t> limit);

}  // namespace relay::sql
