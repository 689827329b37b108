#pragma once

#include "relay/db/row_stream.hpp"
#include "relay/db/transaction.hpp"
#include "relay/queues/records.hpp"

namespace relay::sql {

struct QueueFilter {
    OrgId org;
    bool agents_only = false;
    bool also_hyphen = false;
    std::optional<QueueOwner> after{};
    std::optional<std::int64_t> limit{};
};
/// Returns the shared queues of an organization, then those of its agents by their ids.
db::Stream<Queue> list_queues(db::Transaction &transaction, QueueFilter const &filter);

QueueNames queue_names(db::Transaction &transaction, OrgId const &org, std::optional<AgentId> const &agent);

/// Returns nothing for a text that is not the name of a queue.
std::optional<QueueOwner> queue_owner(db::Transaction &transaction, std::string const &name);

}  // namespace relay::sql
