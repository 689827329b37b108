#include "cli/documents/agent.hpp"

#include "cli/documents/fields.hpp"
#include "cli/documents/key.hpp"
#include "cli/documents/permissions.hpp"
#include "cli/documents/standing.hpp"

#include "relay/model/text.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

Phrase describe_last_use(Agent const &agent, std::optional<std::string> const &address) {
    if (!agent.last_used_at) {
        return {"never seen"};
    }
    return {*agent.last_used_at, address ? " from " + *address : ""};
}

}  // namespace

Record label_record(std::vector<Label> const &labels) {
    Record record;
    for (Label const &label : labels) {
        record.push_back(machine_only(std::string(label.name()), std::string(label.value())));
    }
    return record;
}

Value describe_labels(std::vector<Label> const &labels) { return labels.empty() ? Value() : Value(labels); }

Agent sample_agent() { return {.agent_id = any_id<AgentId>(), .org_id = any_id<OrgId>()}; }

Record agent_record(Agent const &agent) {
    return {
        {"agent_id", "Agent ID", agent.agent_id},
        {"org_id", "Org ID", agent.org_id, {.leaves = 2}},
        {"name", "Name", agent.name, {.cut = true}},
        {"status", "Status", agent.status},
        {"permissions", "Permissions", agent.permissions},
        machine_only("key_max_age_seconds", seconds_or_null(agent.key_max_age)),
        machine_only("effective_key_max_age_seconds", seconds_or_null(agent.effective_key_max_age)),
        {"owner", "Owner", agent.owner, {.leaves = 4, .cut = true}},
        machine_only("labels", label_record(agent.labels)),
        machine_only("owner_user_id", agent.owner_user_id),
        {"created_at", "Created", agent.created_at, {.leaves = 3}},
        machine_only("created_by", agent.created_by),
        {"last_used_at", "Last used", agent.last_used_at, {.leaves = 1}},
    };
}

Record agent_summary(Agent const &agent, std::vector<Standing> const &standing, std::vector<Key> const &keys,
                     std::vector<Grant> const &grants, std::optional<std::string> const &address,
                     KeylessWays const &keyless) {
    Record summary{people_only("Gateways", describe_access(agent.status, standing, keys, keyless))};
    append(summary, hide(agent_record(agent), {"status", "permissions", "created_at", "last_used_at"}));
    append(summary, {
                        people_only("Labels", describe_labels(agent.labels)),
                        people_only("Acts for", agent.owner_user_id),
                        people_only("Status", describe_status(agent.status, standing)),
                        people_only("Keys", describe_keys(keys)),
                        people_only("Last seen", describe_last_use(agent, address)),
                        people_only("Permissions", describe_grants(grants)),
                        people_only("Key max age", describe_key_max_age(agent)),
                        people_only("Created", Phrase{agent.created_at, " by " + agent.created_by}),
                    });
    return summary;
}

std::string describe_keyless(KeylessWays const &keyless) {
    return keyless.shared_secret ? "with the shared secret" : keyless.without_key ? "without a key" : "";
}

std::string describe_access(Status status, std::vector<Standing> const &standing, std::vector<Key> const &keys,
                            KeylessWays const &keyless) {
    auto const of = [&](StandingKind kind, SubjectKind subject) {
        return std::any_of(standing.begin(), standing.end(),
                           [&](Standing const &row) { return row.kind == kind && kind_of(row.subject) == subject; });
    };
    for (StandingKind const kind : {StandingKind::revoke, StandingKind::block}) {
        std::string const word(text_of(status_of(kind)));
        if (of(kind, SubjectKind::agent)) {
            return "REFUSED now: it is " + word;
        }
        if (of(kind, SubjectKind::org)) {
            return "REFUSED now: its organization is " + word;
        }
    }
    if (status != Status::active) {
        return "REFUSED now: it is " + std::string(text_of(status));
    }
    if (!keyless.has_seat) {
        return "REFUSED now: over_limit, its organization may have " + counted(keyless.seats.value_or(0), "agent") +
               ", and it is not among them";
    }
    bool const has_key = std::any_of(keys.begin(), keys.end(), [](Key const &key) { return key.live(); });
    if (std::string const way = describe_keyless(keyless); !has_key && !way.empty()) {
        return "accepted now, " + way + ": it has no working key";
    }
    return has_key ? "accepted now" : "REFUSED now: it has no working key";
}

std::string describe_key_max_age(Agent const &agent) {
    return describe_age_limit(agent.effective_key_max_age) + (agent.key_max_age ? "" : " (the organization's)");
}

}  // namespace relay::cli
