#include "cli/documents/registered.hpp"

#include "cli/documents/fields.hpp"

namespace relay::cli {

namespace {

std::string lateness(std::chrono::seconds late) {
    return late.count() > 0 ? "late by " + std::to_string(late.count()) + " s" : std::string();
}

}  // namespace

RegisteredAgent sample_registered() { return {.agent_id = any_id<AgentId>(), .org_id = any_id<OrgId>()}; }

std::string registered_note(RegisteredAgent const &agent) {
    std::string note;
    switch (agent.state) {
        case RunState::running: break;
        case RunState::draining:
        case RunState::blocked:
        case RunState::revoked: note = std::string(text_of(agent.state)); break;
        case RunState::over_limit: note = "over the limit"; break;
        case RunState::gone: return agent.departure == Departure::unregistered ? "unregistered" : "gone without a word";
    }
    if (agent.state == RunState::running && agent.ready < agent.instances) {
        note = std::to_string(agent.instances - agent.ready) + " draining";
    }
    std::string const late = lateness(agent.late);
    return note + (note.empty() || late.empty() ? "" : ", ") + late;
}

Record registered_record(RegisteredAgent const &agent) {
    std::string const note = registered_note(agent);
    bool const gone = agent.state == RunState::gone;
    return {
        {"agent_id", "Agent ID", agent.agent_id},
        {"name", "Name", agent.name, {.leaves = 3, .cut = true}},
        {"org_id", "Org ID", agent.org_id, {.leaves = 6}},
        machine_only("state", agent.state),
        {"instances", "Instances", agent.instances, {.leaves = 2}},
        machine_only("ready", agent.ready),
        {"skills", "Skills", agent.skills, {.leaves = 4}},
        {"since", "Since", agent.since, {.leaves = 1}},
        {"lease_ends_at", "Lease ends", agent.lease_ends_at, {.leaves = 5}},
        people_only("Note", note.empty() ? Value() : Value(note)),
        machine_only("late_seconds", gone ? Value() : Value(agent.late.count())),
        machine_only("card_since", agent.card_since),
        {"last_seen_at", "Last seen", agent.last_seen_at},
        machine_only("departure", agent.departure),
    };
}

std::vector<Record> instance_records(std::vector<Instance> const &instances) {
    std::vector<Record> records;
    for (Instance const &instance : instances) {
        std::string note = !instance.running ? "ended" : instance.ready ? "" : "draining";
        if (std::string const late = lateness(instance.late); instance.running && !late.empty()) {
            note += (note.empty() ? "" : ", ") + late;
        }
        records.push_back({
            machine_only("instance_id", instance.instance_id),
            people_only("Instance",
                        instance.instance_id.text().empty() ? "(without a name)" : instance.instance_id.text()),
            {"started_at", "Started", instance.started_at},
            {"beat_at", "Last beat", instance.beat_at},
            {"lease_ends_at", "Lease ends", instance.lease_ends_at},
            machine_only("running", instance.running),
            machine_only("ready", instance.ready),
            machine_only("late_seconds", instance.running ? Value(instance.late.count()) : Value()),
            people_only("Note", note.empty() ? Value() : Value(note)),
        });
    }
    return records;
}

}  // namespace relay::cli
