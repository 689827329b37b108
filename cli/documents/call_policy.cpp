#include "cli/documents/call_policy.hpp"

#include "cli/documents/fields.hpp"
#include "cli/input/prompt.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace relay::cli {

namespace {

/// `any_ends`: one of the settings has an end, so people see what follows.
Record setting_record(SettingInForce const &setting, bool any_ends) {
    return {
        {"setting", "Setting", setting.setting}, {"value", "Value", setting.value},
        {"source", "From", setting.source},      {"change_id", "Change", setting.change_id},
        {"until", "Until", setting.until},       {"lasting_value", any_ends ? "Then" : "", setting.lasting_value},
    };
}

}  // namespace

Record scope_record(PolicyScope const &scope) {
    return {
        {"scope", "Scope", scope.kind()},
        {"org_id", "Org ID", scope.org},
        {"agent_id", "Agent ID", scope.agent},
    };
}

Record call_policy_record(CallPolicy const &policy) {
    std::vector<Record> settings;
    bool const any_ends = std::any_of(policy.settings.begin(), policy.settings.end(),
                                      [](SettingInForce const &one) { return one.until.has_value(); });
    for (SettingInForce const &setting : policy.settings) {
        settings.push_back(setting_record(setting, any_ends));
    }
    auto const limit = policy.qps ? std::to_string(*policy.qps) + " per second" : "no limit";
    return {
        machine_only("qps", policy.qps),
        machine_only("qps_source", policy.qps_source),
        people_only("Calls", fmt::format("{} ({})", limit, text_of(policy.qps_source))),
        machine_only("addresses", policy.addresses),
        machine_only("addresses_source", policy.addresses_source),
        people_only("Addresses", policy.addresses.empty() ? "any"
                                                          : fmt::format("{} ({})", fmt::join(policy.addresses, ", "),
                                                                        text_of(policy.addresses_source))),
        {"settings", "Settings", std::move(settings)},
    };
}

Record policy_rule_record(PolicyRule const &rule) {
    Record record = scope_record(rule.scope);
    append(record, {
                       {"name", "Name", rule.name},
                       {"value", "Value", rule.value, {.cut = true}},
                       {"until", "Until", rule.until},
                       {"change_id", "Change", rule.change_id},
                       {"ticket", "Ticket", rule.ticket, {.leaves = 1}},
                   });
    return record;
}

Record policy_change_record(PolicyChange const &change) {
    Record record{{"change_id", "Change", change.change_id}};
    append(record, scope_record(change.scope));
    append(record, {
                       {"setting", "Setting", change.setting},
                       {"value", "Value", change.value},
                       {"state", "State", change.state},
                       {"at", "Set", change.at},
                       {"until", "Until", change.until},
                       {"actor", "By", change.actor, {.leaves = 2}},
                       machine_only("db_role", change.db_role),
                       {"ticket", "Ticket", change.ticket, {.leaves = 1}},
                       machine_only("reason", change.reason),
                       {"lifted_at", "Undone", change.lifted_at, {.leaves = 3}},
                       machine_only("lifted_by", change.lifted_by),
                       machine_only("lifted_role", change.lifted_role),
                   });
    return record;
}

std::vector<Record> policy_change_records(std::vector<PolicyChange> const &changes) {
    std::vector<Record> records;
    std::transform(changes.begin(), changes.end(), std::back_inserter(records), policy_change_record);
    return records;
}

void confirm_loosening(Context &context, std::vector<std::string> const &loosens, bool is_wide) {
    std::string const question = fmt::format("This loosens the policy: {}. Continue?", fmt::join(loosens, "; "));
    is_wide ? context.prompt().confirm_wide(question) : context.prompt().confirm(question);
}

}  // namespace relay::cli
