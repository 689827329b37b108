#include "relay/queues/queues.hpp"

#include "relay/identity/agents_sql.hpp"
#include "relay/identity/organizations_sql.hpp"
#include "relay/identity/read_list.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/model/format_text.hpp"
#include "relay/queues/queues_sql.hpp"

#include <fmt/format.h>

namespace relay {
namespace {

/// Returns the place after which the list continues.
QueueOwner parse_cursor(db::Transaction &transaction, ListQueues const &request) {
    if (auto const owner = sql::queue_owner(transaction, *request.page.after); owner && owner->org_id == request.org) {
        return *owner;
    }
    throw Error(ErrorKind::usage, "--after is not the cursor of a list of queues",
                {.next = "give the \"next\" of the previous list, which is the name of a queue"});
}

}  // namespace

ListEnd list_queues(db::Database &database, ListQueues const &request, EachItem<Queue> const &each) {
    auto const open = [&](db::Transaction &transaction) {
        sql::get_org(transaction, request.org);
        return sql::list_queues(
            transaction,
            {.org = request.org,
             .agents_only = request.agents_only,
             .also_hyphen = request.also_hyphen,
             .after = request.page.after ? std::optional(parse_cursor(transaction, request)) : std::nullopt,
             .limit = request.page.one_more()});
    };
    return read_list(
        database, request.page, open, [](Queue const &queue) { return queue.name; }, each);
}

QueueNames name_queues(db::Database &database, OrgId const &org, std::optional<AgentId> const &agent) {
    return database.transact(reading(), [&](db::Transaction &transaction) {
        sql::get_org(transaction, org);
        if (agent) {
            Agent const found = sql::get_agent(transaction, *agent);
            if (found.org_id != org) {
                throw Error(ErrorKind::usage,
                            fmt::format("agent {} belongs to org {}, not {}", *agent, found.org_id, org),
                            {.next = advise(Act::show_agent, *agent)});
            }
        }
        QueueNames names = sql::queue_names(transaction, org, agent);
        names.at = transaction.now();
        names.db_role = transaction.db_role();
        return names;
    });
}

std::optional<QueueOwnerFound> find_queue_owner(db::Database &database, std::string const &name) {
    return database.transact(reading(), [&](db::Transaction &transaction) -> std::optional<QueueOwnerFound> {
        std::optional<QueueOwner> const owner = sql::queue_owner(transaction, name);
        if (!owner) {
            return std::nullopt;
        }
        QueueOwnerFound found{*owner};
        found.exists = sql::find_org(transaction, owner->org_id).has_value();
        if (owner->agent_id) {
            auto const agent = sql::find_agent(transaction, *owner->agent_id);
            found.exists = agent && agent->org_id == owner->org_id;
        }
        found.at = transaction.now();
        found.db_role = transaction.db_role();
        return found;
    });
}

}  // namespace relay
