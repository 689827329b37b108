#include "relay/incident/incident.hpp"

#include "relay/identity/events_sql.hpp"
#include "relay/identity/keys_sql.hpp"
#include "relay/identity/org_tokens_sql.hpp"
#include "relay/identity/organizations_sql.hpp"
#include "relay/identity/revocations_sql.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/incident/trail.hpp"

#include <algorithm>

namespace relay {
namespace {

template <typename Id>
std::vector<std::string> texts(std::vector<Id> const &ids) {
    std::vector<std::string> result;
    for (Id const &id : ids) {
        if (std::find(result.begin(), result.end(), id.text()) == result.end()) {
            result.push_back(id.text());
        }
    }
    return result;
}

std::optional<Instant> resolve(BlockEnd const &end, Instant now) {
    if (auto const *duration = std::get_if<std::chrono::seconds>(&end)) {
        return now + *duration;
    }
    auto const *instant = std::get_if<Instant>(&end);
    return instant != nullptr ? std::optional(*instant) : std::nullopt;
}

bool lasts_as_long(Standing const &standing, std::optional<Instant> until) {
    return !standing.until || (until && *standing.until >= *until);
}

/// What is asked for some ids of one kind: "block" or "revoke".
struct ShutOut {
    std::string subject_kind;
    std::vector<std::string> ids;
    std::string kind;
    BlockEnd end{};
    bool force = false;
};

std::string event_action(ShutOut const &request) {
    return request.subject_kind + (request.kind == "block" ? "_blocked" : "_revoked");
}

IncidentItem judge(sql::Subject const &subject, ShutOut const &request, std::optional<Instant> until) {
    IncidentItem item{.subject_kind = request.subject_kind, .subject_id = subject.id, .known = subject.known};
    if (!subject.known && !request.force) {
        item.error = Error(
            ErrorKind::not_found, "no " + request.subject_kind + " " + subject.id,
            {.next = request.subject_kind == "agent" ? advise_list("agent").also(advise(Act::shut_out_unknown_agent))
                                                     : advise_list(request.subject_kind)});
        return item;
    }
    bool const block = request.kind == "block";
    std::optional<Standing> const &standing = block ? subject.block : subject.revocation;
    item.changed = !standing || (block && !lasts_as_long(*standing, until));
    item.extended_only = item.changed && standing.has_value();
    return item;
}

void fill_standing(db::Transaction &transaction, ShutOut const &request, std::vector<IncidentItem> &items) {
    std::vector<sql::Subject> const subjects = sql::look_up(transaction, request.subject_kind, request.ids);
    for (std::size_t i = 0; i < items.size(); ++i) {
        items[i].standing = request.kind == "block" ? subjects[i].block : subjects[i].revocation;
    }
}

IncidentReceipt shut_out_in(db::Transaction &transaction, ShutOut const &request, Attribution const &by, Trail &trail) {
    IncidentReceipt receipt;
    note_who(receipt, transaction);
    std::optional<Instant> const until = resolve(request.end, transaction.now());
    std::vector<std::string> ids;
    std::vector<sql::NewEvent> events;
    for (sql::Subject const &subject : sql::look_up(transaction, request.subject_kind, request.ids)) {
        receipt.items.push_back(judge(subject, request, until));
        if (receipt.items.back().changed) {
            ids.push_back(subject.id);
            sql::Detail detail;
            if (until) {
                detail.add("until", format_instant(*until));
            }
            bool const org = request.subject_kind == "org";
            bool const agent = request.subject_kind == "agent";
            events.push_back({.action = event_action(request),
                              .org_id = org ? subject.id : subject.org_id,
                              .agent_id = agent ? subject.id : subject.agent_id,
                              .key_id = org || agent ? std::nullopt : std::optional(subject.id),
                              .detail = detail});
        }
    }
    if (!ids.empty()) {
        sql::shut_out(transaction, request.subject_kind, ids, request.kind, until, by);
        trail.record(transaction, by, events);
        receipt.changed = true;
    }
    fill_standing(transaction, request, receipt.items);
    return receipt;
}

IncidentReceipt shut_out(db::Database &database, ShutOut const &request, WriteOptions const &options) {
    return run_incident(database, options, [&](db::Transaction &transaction, Trail &trail) {
        return shut_out_in(transaction, request, options.by, trail);
    });
}

/// For an organization there is one item, and not to know it is the error of the whole command, with suggestions.
IncidentReceipt shut_out_org(db::Database &database, ShutOut const &request, WriteOptions const &options) {
    return run_incident(database, options, [&](db::Transaction &transaction, Trail &trail) {
        sql::get_org(transaction, OrgId::parse(request.ids.front()));
        return shut_out_in(transaction, request, options.by, trail);
    });
}

IncidentReceipt lift_in(db::Transaction &transaction, std::string const &subject_kind,
                        std::vector<std::string> const &ids, std::string const &kind, Attribution const &by,
                        Trail &trail) {
    IncidentReceipt receipt;
    note_who(receipt, transaction);
    std::vector<sql::Subject> const subjects = sql::look_up(transaction, subject_kind, ids);
    std::vector<std::string> const lifted = sql::lift(transaction, subject_kind, ids, kind, by);
    std::vector<sql::NewEvent> events;
    for (sql::Subject const &subject : subjects) {
        bool const changed = std::find(lifted.begin(), lifted.end(), subject.id) != lifted.end();
        IncidentItem item{
            .subject_kind = subject_kind, .subject_id = subject.id, .known = subject.known, .changed = changed};
        if (!subject.known && !changed) {
            item.error = Error(ErrorKind::not_found, "no " + subject_kind + " " + subject.id,
                               {.next = advise_list(subject_kind)});
        }
        if (changed) {
            bool const org = subject_kind == "org";
            events.push_back({.action = subject_kind + (kind == "block" ? "_unblocked" : "_restored"),
                              .org_id = org ? subject.id : subject.org_id,
                              .agent_id = org ? std::nullopt : std::optional(subject.id)});
        }
        receipt.changed = receipt.changed || changed;
        item.standing = kind == "block" ? subject.revocation : subject.block;  // what still keeps it out
        receipt.items.push_back(std::move(item));
    }
    if (!events.empty()) {
        trail.record(transaction, by, events);
    }
    return receipt;
}

void append(IncidentReceipt &receipt, IncidentReceipt part) {
    receipt.changed = receipt.changed || part.changed;
    receipt.at = part.at;
    receipt.db_role = part.db_role;
    std::move(part.items.begin(), part.items.end(), std::back_inserter(receipt.items));
}

std::vector<std::string> subjects_of(std::vector<Standing> const &standing, std::string_view kind) {
    std::vector<std::string> ids;
    for (Standing const &row : standing) {
        if (row.subject_kind == kind && std::find(ids.begin(), ids.end(), row.subject_id) == ids.end()) {
            ids.push_back(row.subject_id);
        }
    }
    return ids;
}

}  // namespace

IncidentReceipt block_agents(db::Database &database, std::vector<AgentId> const &agents, BlockEnd const &end,
                             bool force, WriteOptions const &options) {
    return shut_out(database,
                    {.subject_kind = "agent", .ids = texts(agents), .kind = "block", .end = end, .force = force},
                    options);
}

IncidentReceipt block_org(db::Database &database, OrgId const &org, BlockEnd const &end, WriteOptions const &options) {
    return shut_out_org(database, {.subject_kind = "org", .ids = {org.text()}, .kind = "block", .end = end}, options);
}

IncidentReceipt unblock_agents(db::Database &database, std::vector<AgentId> const &agents,
                               WriteOptions const &options) {
    return run_incident(database, options, [&](db::Transaction &transaction, Trail &trail) {
        return lift_in(transaction, "agent", texts(agents), "block", options.by, trail);
    });
}

IncidentReceipt unblock_org(db::Database &database, OrgId const &org, WriteOptions const &options) {
    return run_incident(database, options, [&](db::Transaction &transaction, Trail &trail) {
        sql::get_org(transaction, org);
        return lift_in(transaction, "org", {org.text()}, "block", options.by, trail);
    });
}

IncidentReceipt unblock_ticket(db::Database &database, Note const &ticket, WriteOptions const &options) {
    return run_incident(database, options, [&](db::Transaction &transaction, Trail &trail) {
        if (!sql::knows_ticket(transaction, ticket)) {
            throw Error(ErrorKind::not_found, "no block was ever made under ticket " + ticket.text(),
                        {.next = advise(Act::list_blocked_agents)});
        }
        std::vector<Standing> const blocks = sql::blocks_under(transaction, ticket);
        IncidentReceipt receipt;
        note_who(receipt, transaction);
        for (char const *const kind : {"org", "agent"}) {
            if (std::vector<std::string> const ids = subjects_of(blocks, kind); !ids.empty()) {
                append(receipt, lift_in(transaction, kind, ids, "block", options.by, trail));
            }
        }
        return receipt;
    });
}

IncidentReceipt revoke_agents(db::Database &database, std::vector<AgentId> const &agents, bool force,
                              WriteOptions const &options) {
    return shut_out(database, {.subject_kind = "agent", .ids = texts(agents), .kind = "revoke", .force = force},
                    options);
}

IncidentReceipt revoke_org(db::Database &database, OrgId const &org, WriteOptions const &options) {
    return shut_out_org(database, {.subject_kind = "org", .ids = {org.text()}, .kind = "revoke"}, options);
}

IncidentReceipt revoke_keys(db::Database &database, std::vector<KeyId> const &keys, WriteOptions const &options) {
    return shut_out(database, {.subject_kind = "key", .ids = texts(keys), .kind = "revoke"}, options);
}

IncidentReceipt revoke_found(db::Database &database, std::multimap<KeyId, KeyScanner::Found> const &found,
                             WriteOptions const &options) {
    return run_incident(database, options, [&](db::Transaction &transaction, Trail &trail) {
        IncidentReceipt receipt;
        note_who(receipt, transaction);
        std::vector<std::string> keys;
        for (auto const &[id, key] : found) {
            auto const owner = sql::identify(transaction, id, key.hash);
            if (owner && owner->kind == "key") {
                keys.push_back(id.text());
            } else if (owner) {
                bool const changed = sql::revoke_token(transaction, id);
                receipt.items.push_back({.subject_kind = "token", .subject_id = id.text(), .changed = changed});
                receipt.changed = receipt.changed || changed;
                if (changed) {
                    trail.record(transaction, options.by,
                                 {{.action = "token_revoked", .org_id = owner->org_id, .key_id = id.text()}});
                }
            } else {
                receipt.items.push_back(
                    {.subject_kind = "key",
                     .subject_id = id.text(),
                     .known = false,
                     .error = Error(ErrorKind::not_found, "key " + id.text() + " is none of this database's",
                                    {.why = "no such key was ever issued here, or the text is a forgery of one"})});
            }
        }
        if (!keys.empty()) {
            append(receipt,
                   shut_out_in(transaction, {.subject_kind = "key", .ids = keys, .kind = "revoke"}, options.by, trail));
        }
        return receipt;
    });
}

IncidentReceipt restore_org(db::Database &database, OrgId const &org, WriteOptions const &options) {
    return run_incident(database, options, [&](db::Transaction &transaction, Trail &trail) {
        sql::get_org(transaction, org);
        return lift_in(transaction, "org", {org.text()}, "revoke", options.by, trail);
    });
}

}  // namespace relay
