#include "relay/call_policy/call_policy.hpp"
#include "relay/call_policy/call_policy_sql.hpp"
#include "relay/identity/agents_sql.hpp"
#include "relay/identity/organizations_sql.hpp"
#include "relay/identity/read_list.hpp"
#include "relay/identity/use_case.hpp"

namespace relay {

PolicyDetails show_policy(db::Database &database, AgentId const &agent) {
    return database.transact(reading(), [&](db::Transaction &transaction) {
        PolicyDetails details{.scope = {.org = sql::get_agent(transaction, agent).org_id, .agent = agent}};
        details.policy = sql::call_policy(transaction, details.scope);
        details.at = transaction.now();
        details.db_role = transaction.db_role();
        return details;
    });
}

std::vector<std::string> policy_rule_sort_fields() { return sql::rule_sort_fields(); }

ListEnd list_policy_rules(db::Database &database, OrgId const &org, PageRequest const &page,
                          EachItem<PolicyRule> const &each) {
    auto const open = [&](db::Transaction &transaction) {
        sql::get_org(transaction, org);
        return sql::list_rules(transaction, org, page.sort, page.one_more());
    };
    return read_list(
        database, page, open, [](PolicyRule const &rule) { return rule.name; }, each);
}

std::vector<std::string> policy_change_sort_fields() { return sql::change_sort_fields(); }

ListEnd list_policy_changes(db::Database &database, PolicyScope const &of, PageRequest const &page,
                            EachItem<PolicyChange> const &each) {
    auto const open = [&](db::Transaction &transaction) {
        if (of.agent) {
            sql::get_agent(transaction, *of.agent);
        } else if (of.org) {
            sql::get_org(transaction, *of.org);
        }
        return sql::list_changes(transaction, of, page.sort, page.one_more());
    };
    return read_list(
        database, page, open, [](PolicyChange const &change) { return std::to_string(change.change_id); }, each);
}

}  // namespace relay
