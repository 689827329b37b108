#include "cli/documents/queue.hpp"

#include "cli/documents/fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace relay::cli {

namespace {

Record sharing_record(QueueOwner const &owner) {
    return {{"for", "", owner.kind}, {"org_id", "", owner.org_id}, {"agent_id", "", owner.agent_id}};
}

std::string describe_sharing(std::vector<QueueOwner> const &owners) {
    std::vector<std::string> texts;
    std::transform(owners.begin(), owners.end(), std::back_inserter(texts), [](QueueOwner const &owner) {
        return fmt::format("{} of org {}", describe_queue(owner), owner.org_id.text());
    });
    return fmt::format("{}", fmt::join(texts, ", "));
}

}  // namespace

std::string describe_queue(QueueOwner const &owner) {
    switch (owner.kind) {
        case QueueKind::agents: return "all agents";
        case QueueKind::orchestrator: return "the orchestrator";
        case QueueKind::dlq: return "dead letters";
        case QueueKind::agent: return "agent " + owner.agent_id.value().text();
    }
    return {};
}

Queue sample_queue() { return {{.org_id = any_id<OrgId>()}}; }

Record queue_record(Queue const &queue, bool with_hyphen) {
    std::vector<Record> sharing;
    std::transform(queue.sharing.begin(), queue.sharing.end(), std::back_inserter(sharing), sharing_record);
    Record record{
        {"name", "Name", queue.name},
        people_only("For", describe_queue(queue)),
        machine_only("for", queue.kind),
        machine_only("org_id", queue.org_id),
        machine_only("agent_id", queue.agent_id),
        {"hyphen_name", with_hyphen ? "Hyphen name" : "", queue.hyphen_name},
    };
    if (with_hyphen) {
        record.push_back(people_only("Shared with", or_null(describe_sharing(queue.sharing))));
    }
    record.push_back(machine_only("sharing", std::move(sharing)));
    return record;
}

Record queue_names_record(QueueNames const &names) {
    return {
        machine_only("name", names.agent ? *names.agent : names.agents),
        {"org_id", "Org ID", names.org_id},
        {"agent_id", names.agent ? "Agent ID" : "", names.agent_id},
        {"agent", names.agent ? "Agent" : "", names.agent},
        {"agents", "All agents", names.agents},
        {"orchestrator", "Orchestrator", names.orchestrator},
        {"dlq", "Dead letters", names.dlq},
    };
}

Record queue_owner_record(std::string const &name, QueueOwnerFound const &owner) {
    return {
        {"name", "Queue", name},
        {"org_id", "Org ID", owner.org_id},
        people_only("For", describe_queue(owner)),
        machine_only("for", owner.kind),
        machine_only("agent_id", owner.agent_id),
        {"exists", "Exists", owner.exists},
    };
}

}  // namespace relay::cli
