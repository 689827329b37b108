#include "relay/queues/agent_context.hpp"

#include "relay/identity/agents_sql.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/queues/queues_sql.hpp"

namespace relay {

AgentContext agent_context(db::Database &database, AgentId const &agent) {
    return database.transact(reading(), [&](db::Transaction &transaction) {
        Agent const found = sql::get_agent(transaction, agent);
        QueueNames const queues = sql::queue_names(transaction, found.org_id, agent);
        return AgentContext{.agent_id = found.agent_id,
                            .org_id = found.org_id,
                            .name = found.name,
                            .queue = queues.agents,
                            .dedicated_queue = queues.agent.value()};
    });
}

}  // namespace relay
