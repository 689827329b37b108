#pragma once

#include "relay/call_policy/records.hpp"
#include "relay/db/database.hpp"
#include "relay/model/attribution.hpp"
#include "relay/model/ip_range.hpp"
#include "relay/model/page.hpp"

/// Sets, shows and undoes call policies.
///
/// A setting is a row: the nearest scope and the newest row decide, and a row with an end only tightens
/// (schema/0023_policies.sql). Undoing lifts rows, so what was in force before is in force again.
namespace relay {

struct SettingChoice {
    PolicySetting setting{};
    std::optional<std::string>
        value{};  ///< as parse_setting_value returns it; none: inherit, which lifts all rows of the scope
};

struct SetPolicy {
    PolicyScope scope{};  ///< of an agent: its organization is found by the agent
    std::vector<SettingChoice> settings{};
    PolicyEnd until{};  ///< of the settings that have a value
    std::optional<std::optional<std::int64_t>> qps{};  ///< an empty choice: what the organization or its plan allows
    std::optional<std::vector<IpRange>> addresses{};  ///< empty: any, or for an agent those of its organization
    bool may_loosen = false;  ///< whatever it is
    std::vector<std::string> agreed{};  ///< what it may loosen, as `loosens` of the update that was refused
};

struct PolicyUpdate : WriteReceipt {
    PolicyScope scope{};
    std::vector<PolicyChange> made{};
    std::vector<PolicyChange> lifted{};
    CallPolicy policy{};  ///< in force for the scope afterwards
    /// What the change loosens, in words. If it may not, nothing was changed.
    std::vector<std::string> loosens{};
    bool is_refused = false;
};

/// Sets a policy. What is in force already changes nothing. Throws Error: not_found, no such organization or agent.
PolicyUpdate set_policy(db::Database &database, SetPolicy const &request, WriteOptions const &options);

struct UndoPolicy {
    std::optional<std::int64_t> change_id{};
    std::optional<Note> ticket{};  ///< without change_id: every change that was made under it
    bool may_loosen = false;
    std::vector<std::string> agreed{};
};

struct PolicyUndo : WriteReceipt {
    std::vector<PolicyChange> lifted{};
    std::vector<std::string> loosens{};
    bool is_refused = false;
};

/// Lifts changes that are not over. Throws Error: not_found, no such change, or none under the ticket.
PolicyUndo undo_policy(db::Database &database, UndoPolicy const &request, WriteOptions const &options);

struct PolicyDetails {
    PolicyScope scope{};
    CallPolicy policy{};
    Instant at{};
    std::string db_role{};
};
/// Returns what is in force for an agent. Throws Error: not_found.
PolicyDetails show_policy(db::Database &database, AgentId const &agent);

std::vector<std::string> policy_rule_sort_fields();
/// Returns everything that is set for an organization, its agents, and the platform. Throws Error: not_found.
ListEnd list_policy_rules(db::Database &database, OrgId const &org, PageRequest const &page,
                          EachItem<PolicyRule> const &each);

std::vector<std::string> policy_change_sort_fields();
/// Returns the changes of an organization and its agents, of an agent, or (neither is given) all. Throws Error:
/// not_found.
ListEnd list_policy_changes(db::Database &database, PolicyScope const &of, PageRequest const &page,
                            EachItem<PolicyChange> const &each);

}  // namespace relay
