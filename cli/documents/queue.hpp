#pragma once

#include "cli/output/document.hpp"
#include "relay/queues/records.hpp"

#include <string>

namespace relay::cli {

/// Returns an item of a list. `with_hyphen`: people see the hyphen name, too.
Record queue_record(Queue const &queue, bool with_hyphen);
/// Returns a queue for the columns of a list.
Queue sample_queue();

Record queue_names_record(QueueNames const &names);
Record queue_owner_record(std::string const &name, QueueOwnerFound const &owner);

/// Returns what a queue is for: "agent bot", "all agents", "the orchestrator", "dead letters".
std::string describe_queue(QueueOwner const &owner);

}  // namespace relay::cli
