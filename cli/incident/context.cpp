#include "cli/incident/context.hpp"

#include "cli/documents/agent.hpp"
#include "cli/documents/authentications.hpp"
#include "cli/documents/error.hpp"
#include "cli/documents/event.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/key.hpp"
#include "cli/documents/standing.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

/// How many contexts are read: a responder reads one page, and must not wait for thousands of reads.
constexpr std::size_t most_contexts = 20;

void read_context(db::Database &database, IncidentItem const &item, IncidentContexts &contexts,
                  IncidentContext &context) {
    if (AgentId const *const agent = item.agent()) {
        context.agent = show_agent(database, *agent, incident_events);
        contexts.at = context.agent->at;
    } else if (OrgId const *const org = item.org()) {
        context.org = show_org(database, *org);
        contexts.at = context.org->at;
    } else if (KeyId const *const key = item.key()) {
        context.key = show_key(database, *key, 0);
        contexts.at = context.key->at;
    } else if (DeviceId const *const device = item.device()) {
        context.device = show_device(database, *device, 0);
        contexts.at = context.device->at;
    }
}

Value owner(IncidentItem const &item, IncidentContext const &context) {
    if (context.key) {
        return context.key->key.agent_id;
    }
    if (context.device) {
        return context.device->device.agent_id;
    }
    return item.agent() != nullptr && item.known ? Value(*item.agent()) : Value();
}

Value organization(IncidentItem const &item, IncidentContext const &context) {
    if (context.agent) {
        return context.agent->agent.org_id;
    }
    if (context.key) {
        return context.key->key.org_id;
    }
    if (context.device) {
        return context.device->device.org_id;
    }
    return item.org() != nullptr ? Value(*item.org()) : Value();
}

Status status_of(IncidentItem const &item, IncidentContext const &context) {
    if (item.standing) {
        return relay::status_of(item.standing->kind);
    }
    if (context.device) {
        DeviceStatus const status = context.device->device.status;
        return status == DeviceStatus::revoked   ? Status::revoked
               : status == DeviceStatus::blocked ? Status::blocked
                                                 : Status::active;
    }
    return context.agent ? context.agent->agent.status : context.org ? context.org->org.status : Status::active;
}

Value key_list(IncidentContext const &context) {
    if (!context.agent) {
        return {};
    }
    std::vector<Record> records;
    std::transform(context.agent->keys.begin(), context.agent->keys.end(), std::back_inserter(records), key_record);
    return records;
}

std::string result_word(IncidentItem const &item) {
    return item.error ? std::string(text_of(item.error->kind())) : item.changed ? "done" : "unchanged";
}

char const *id_label(IncidentItem const &item) {
    switch (kind_of(item.subject)) {
        case SubjectKind::org: return "Org ID";
        case SubjectKind::agent: return "Agent ID";
        case SubjectKind::device: return "Device ID";
        case SubjectKind::key: break;
    }
    return "Key ID";
}

/// Returns whether gateways accept an agent, a key, or the agents of an organization, now: only what was read. A row that the
/// command made refuses its subject even if nothing else could be read.
std::string access_text(IncidentItem const &item, IncidentContext const &context, bool dry_run) {
    bool const in_force = item.standing && !dry_run;
    bool const is_org = item.org() != nullptr;
    if (context.agent) {
        AgentDetails const &read = *context.agent;
        bool const unread_row = in_force && read.standing.empty();
        return describe_access(read.agent.status, unread_row ? std::vector{*item.standing} : read.standing, read.keys,
                               read.keyless);
    }
    if (context.device && !in_force) {
        DeviceStatus const status = context.device->device.status;
        return status == DeviceStatus::active ? "accepted now" : "REFUSED now: it is " + std::string(text_of(status));
    }
    bool const is_read = context.org || context.key;
    if (!in_force && !is_read) {
        return item.known ? "not known: the details could not be read" : "no such agent is known";
    }
    Status const status = in_force      ? relay::status_of(item.standing->kind)
                          : context.org ? context.org->org.status
                                        : Status::active;
    std::string text = status == Status::active ? "accepted now" : "REFUSED now: it is " + std::string(text_of(status));
    if (is_org) {
        return status == Status::active
                   ? "its agents are accepted now, except those that are blocked or revoked"
                   : "its agents are REFUSED now: the organization is " + std::string(text_of(status));
    }
    if (context.key) {
        Key const &key = context.key->key;
        text = !key.live() || key.blocked ? (in_force ? text : "REFUSED now") : text;
        if (!context.key->keyless.has_seat && key.live() && !key.blocked && !in_force) {
            return "REFUSED now: over_limit, its agent has no seat";
        }
        std::string const way = describe_keyless(context.key->keyless);
        text += way.empty() || key.blocked ? "" : "; but its agent is accepted " + way;
    }
    return text;
}

Record agent_page(IncidentItem const &item, AgentDetails const &details) {
    std::vector<Standing> standing = details.standing;
    if (standing.empty() && item.standing) {  // the rows of a dry run are rolled back
        standing.push_back(*item.standing);
    }
    Record page =
        agent_summary(details.agent, standing, details.keys, details.grants, details.last_address, details.keyless);
    if (!details.authentications.empty()) {
        page.push_back(people_only("Last authenticated", authentication_records(details.authentications)));
    }
    page.push_back(people_only("Last events", event_records(details.changes)));
    return page;
}

}  // namespace

IncidentContexts read_contexts(db::Database &database, IncidentReceipt const &receipt) {
    std::vector<IncidentItem> const &items = receipt.items;
    IncidentContexts contexts;
    contexts.of.resize(items.size());
    if (receipt.details) {
        contexts.of.front().agent = receipt.details;
        contexts.at = receipt.details->at;
        return contexts;
    }
    std::size_t budget = most_contexts;
    try {
        for (std::size_t i = 0; i < items.size() && budget > 0; ++i) {
            if (items[i].known && !items[i].error) {
                read_context(database, items[i], contexts, contexts.of[i]);
                --budget;
            }
        }
    } catch (Error const &error) {
        contexts.failure = what_failed(error);
    } catch (Interrupted const &) {
        contexts.interrupted = true;
    }
    return contexts;
}

Record incident_record(IncidentItem const &item, IncidentContext const &context) {
    Standing const *const standing = item.standing ? &*item.standing : nullptr;
    return {
        machine_only("subject_kind", std::string(item.kind_text())),
        {"subject_id", "ID", item.subject},
        {"org_id", "Org", organization(item, context), {.leaves = 3}},
        {"agent_id",
         item.key() != nullptr || item.device() != nullptr ? "Agent" : "",
         owner(item, context),
         {.leaves = 1}},
        machine_only("known", item.looked_up ? Value(item.known) : Value()),
        machine_only("changed", item.changed),
        {"result", "Result", result_word(item)},
        {"status", "Status", item.error ? Value() : Value(status_of(item, context))},
        {"since", "Since", standing != nullptr ? Value(standing->at) : Value(), {.leaves = 2}},
        {"", "Owner", context.agent ? Value(context.agent->agent.owner) : Value(), {.leaves = 2, .cut = true}},
        {"until", "Until", standing != nullptr ? Value(standing->until) : Value(), {.leaves = 4}},
        {"actor", "By", standing != nullptr ? Value(standing->actor) : Value(), {.leaves = 5, .cut = true}},
        machine_only("db_role", standing != nullptr ? Value(standing->db_role) : Value()),
        {"ticket", "Ticket", standing != nullptr ? Value(standing->ticket) : Value(), {.leaves = 6, .cut = true}},
        machine_only("reason", standing != nullptr ? Value(standing->reason) : Value()),
        machine_only("extended_only", item.extended_only),
        machine_only("error", error_value(item.error)),
        machine_only("agent", context.agent ? Value(agent_record(context.agent->agent)) : Value()),
        machine_only("keys", key_list(context)),
        machine_only("last_address", context.agent ? Value(context.agent->last_address) : Value()),
        machine_only("events", context.agent ? Value(event_records(context.agent->events)) : Value()),
    };
}

Record incident_page(IncidentItem const &item, IncidentContext const &context, bool dry_run) {
    Value const access = access_text(item, context, dry_run) + (dry_run ? " (dry run: nothing was changed)" : "");
    if (context.agent) {
        Record page = agent_page(item, *context.agent);
        page.front().value = access;
        return page;
    }
    Record page{people_only("Gateways", access), people_only(id_label(item), item.subject)};
    if (context.org) {
        page.push_back(people_only("Name", context.org->org.name));
        page.push_back(people_only("Agents", std::int64_t{context.org->org.agents}));
    }
    if (context.key) {
        page.push_back(people_only("Agent ID", context.key->key.agent_id));
        page.push_back(people_only("Org ID", context.key->key.org_id));
    }
    if (context.device) {
        page.push_back(people_only("Name", context.device->device.name));
        page.push_back(people_only("Agent ID", context.device->device.agent_id));
        page.push_back(people_only("Org ID", context.device->device.org_id));
    }
    page.push_back(people_only("Status", item.standing ? describe_standing(*item.standing)
                                                       : Phrase{std::string(text_of(status_of(item, context)))}));
    if (!item.looked_up) {
        page.push_back(people_only("Known", "not looked up, because the table is locked"));
    } else if (!item.known) {
        page.push_back(people_only("Known", "no: gateways refuse this id if it ever appears"));
    }
    return page;
}

}  // namespace relay::cli
