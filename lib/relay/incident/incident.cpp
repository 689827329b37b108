#include "relay/incident/incident.hpp"

#include "relay/identity/events_sql.hpp"
#include "relay/identity/keys_sql.hpp"
#include "relay/identity/org_tokens_sql.hpp"
#include "relay/identity/organizations_sql.hpp"
#include "relay/identity/revocations_sql.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/incident/effect.hpp"
#include "relay/incident/trail.hpp"

#include <algorithm>
#include <functional>

namespace relay {
namespace {

template <typename Id>
std::vector<Subject> each_once(std::vector<Id> const &ids) {
    std::vector<Subject> result;
    for (Subject const id : ids) {
        if (std::find(result.begin(), result.end(), id) == result.end()) {
            result.push_back(id);
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

/// A request to block or revoke subjects of one kind.
struct ShutOut {
    std::vector<Subject> subjects;
    StandingKind kind = StandingKind::block;
    BlockEnd end{};
    bool force = false;
};

/// "agent_blocked", "org_revoked"
std::string event_action(Subject const &subject, StandingKind kind) {
    return std::string(text_of(kind_of(subject))).append("_").append(text_of(status_of(kind)));
}

std::string event_action_of_lift(Subject const &subject, StandingKind kind) {
    return std::string(text_of(kind_of(subject))) + (kind == StandingKind::block ? "_unblocked" : "_restored");
}

std::string no_such(Subject const &subject) {
    return "no " + std::string(text_of(kind_of(subject))) + ' ' + text_of(subject);
}

/// Returns the advice to list all subjects of this kind, so that the reader can look up the id.
Advice list_for(Subject const &subject) {
    switch (kind_of(subject)) {
        case SubjectKind::agent: return advise(Act::list_agents);
        case SubjectKind::org: return advise(Act::list_orgs);
        case SubjectKind::key: break;
    }
    return advise(Act::list_keys);
}

sql::NewEvent event_about(std::string action, sql::SubjectStanding const &one) {
    auto const org = subject_as<OrgId>(one.subject);
    auto const agent = subject_as<AgentId>(one.subject);
    return {.action = std::move(action),
            .org_id = org ? org : one.org_id,
            .agent_id = agent ? agent : one.agent_id,
            .key_id = subject_as<KeyId>(one.subject)};
}

IncidentItem judge(sql::SubjectStanding const &one, ShutOut const &request, std::optional<Instant> until) {
    IncidentItem item{.subject = one.subject, .known = one.known};
    if (!one.known && !request.force) {
        Advice list = list_for(one.subject);
        item.error = Error(ErrorKind::not_found, no_such(one.subject),
                           {.next = item.agent() != nullptr ? std::move(list).also(advise(Act::shut_out_unknown_agent))
                                                            : std::move(list),
                            .sought = {.kind = text_of(kind_of(one.subject)), .text = text_of(one.subject)}});
        return item;
    }
    bool const block = request.kind == StandingKind::block;
    std::optional<Standing> const &standing = block ? one.block : one.revocation;
    item.changed = !standing || (block && !lasts_as_long(*standing, until));
    item.extended_only = item.changed && standing.has_value();
    return item;
}

IncidentReceipt shut_out_in(db::Transaction &transaction, ShutOut const &request, Attribution const &by, Trail &trail) {
    IncidentReceipt receipt;
    std::vector<Subject> changed;
    std::vector<sql::NewEvent> events;
    std::vector<sql::SubjectStanding> const found = sql::look_up(transaction, request.subjects);
    note_who(receipt, transaction);
    std::optional<Instant> const until = resolve(request.end, transaction.now());
    receipt.until = until;
    for (sql::SubjectStanding const &one : found) {
        receipt.items.push_back(judge(one, request, until));
        if (receipt.items.back().changed) {
            changed.push_back(one.subject);
            events.push_back(event_about(event_action(one.subject, request.kind), one));
            if (until) {
                events.back().detail.add("until", format_instant(*until));
            }
        }
    }
    if (!changed.empty()) {
        sql::shut_out(transaction, changed, request.kind, until, by);
        trail.record(transaction, by, events);
        receipt.changed = true;
    }
    confirm_shut_out(transaction, receipt.items, request.kind, until, trail.depth());
    return receipt;
}

using Work = std::function<IncidentReceipt(db::Transaction &, Trail &)>;

/// Runs `work`, which blocks or revokes, and reads its effect back after the COMMIT, too.
IncidentReceipt run_shut_out(db::Database &database, WriteOptions const &options, StandingKind kind, Work const &work) {
    IncidentReceipt receipt = run_incident(database, options, work);
    if (receipt.changed && !options.dry_run) {
        confirm_committed(database, receipt, kind, true);
    }
    return receipt;
}

/// The same for `work` that lifts blocks or a revocation.
IncidentReceipt run_lifting(db::Database &database, WriteOptions const &options, StandingKind kind, Work const &work) {
    IncidentReceipt receipt = run_lift(database, options, work);
    if (receipt.changed && !options.dry_run) {
        confirm_committed(database, receipt, kind, false);
    }
    return receipt;
}

IncidentReceipt shut_out(db::Database &database, ShutOut const &request, WriteOptions const &options) {
    return run_shut_out(database, options, request.kind, [&](db::Transaction &transaction, Trail &trail) {
        return shut_out_in(transaction, request, options.by, trail);
    });
}

/// As shut_out, for one organization. If it does not exist, the whole command fails (with suggestions), not just an
/// item.
IncidentReceipt shut_out_org(db::Database &database, OrgId const &org, StandingKind kind, BlockEnd const &end,
                             WriteOptions const &options) {
    return run_shut_out(database, options, kind, [&](db::Transaction &transaction, Trail &trail) {
        sql::get_org(transaction, org);
        return shut_out_in(transaction, {.subjects = {org}, .kind = kind, .end = end}, options.by, trail);
    });
}

IncidentReceipt lift_in(db::Transaction &transaction, std::vector<Subject> const &asked, StandingKind kind,
                        Attribution const &by, Trail &trail) {
    IncidentReceipt receipt;
    auto const lifting = sql::lift(transaction, asked, kind, by);
    std::vector<sql::SubjectStanding> const subjects = sql::look_up(transaction, asked);
    std::vector<Subject> const lifted = lifting.get();
    note_who(receipt, transaction);
    std::vector<sql::NewEvent> events;
    for (sql::SubjectStanding const &one : subjects) {
        bool const changed = std::find(lifted.begin(), lifted.end(), one.subject) != lifted.end();
        IncidentItem item{.subject = one.subject, .known = one.known, .changed = changed};
        if (!one.known && !changed) {
            item.error = Error(ErrorKind::not_found, no_such(one.subject),
                               {.next = list_for(one.subject),
                                .sought = {.kind = text_of(kind_of(one.subject)), .text = text_of(one.subject)}});
        }
        if (changed) {
            events.push_back(event_about(event_action_of_lift(one.subject, kind), one));
        }
        receipt.changed = receipt.changed || changed;
        item.standing = kind == StandingKind::block ? one.revocation : one.block;  // still in force
        receipt.items.push_back(std::move(item));
    }
    if (!events.empty()) {
        trail.record(transaction, by, events);
    }
    confirm_lifted(transaction, receipt.items, kind, trail.depth());
    return receipt;
}

void append(IncidentReceipt &receipt, IncidentReceipt part) {
    receipt.changed = receipt.changed || part.changed;
    receipt.at = part.at;
    receipt.db_role = part.db_role;
    std::move(part.items.begin(), part.items.end(), std::back_inserter(receipt.items));
}

std::vector<Subject> subjects_of(std::vector<Standing> const &standing, SubjectKind kind) {
    std::vector<Subject> subjects;
    for (Standing const &row : standing) {
        if (kind_of(row.subject) == kind &&
            std::find(subjects.begin(), subjects.end(), row.subject) == subjects.end()) {
            subjects.push_back(row.subject);
        }
    }
    return subjects;
}

}  // namespace

IncidentReceipt block_agents(db::Database &database, std::vector<AgentId> const &agents, BlockEnd const &end,
                             bool force, WriteOptions const &options) {
    return shut_out(database, {.subjects = each_once(agents), .kind = StandingKind::block, .end = end, .force = force},
                    options);
}

IncidentReceipt block_org(db::Database &database, OrgId const &org, BlockEnd const &end, WriteOptions const &options) {
    return shut_out_org(database, org, StandingKind::block, end, options);
}

IncidentReceipt unblock_agents(db::Database &database, std::vector<AgentId> const &agents,
                               WriteOptions const &options) {
    return run_lifting(database, options, StandingKind::block, [&](db::Transaction &transaction, Trail &trail) {
        return lift_in(transaction, each_once(agents), StandingKind::block, options.by, trail);
    });
}

IncidentReceipt unblock_org(db::Database &database, OrgId const &org, WriteOptions const &options) {
    return run_lifting(database, options, StandingKind::block, [&](db::Transaction &transaction, Trail &trail) {
        sql::get_org(transaction, org);
        return lift_in(transaction, {org}, StandingKind::block, options.by, trail);
    });
}

IncidentReceipt unblock_ticket(db::Database &database, Note const &ticket, WriteOptions const &options) {
    return run_lifting(database, options, StandingKind::block, [&](db::Transaction &transaction, Trail &trail) {
        if (!sql::knows_ticket(transaction, ticket)) {
            throw Error(ErrorKind::not_found, "no block was ever made under ticket " + ticket.text(),
                        {.next = advise(Act::list_blocked_agents)});
        }
        std::vector<Standing> const blocks = sql::blocks_under(transaction, ticket);
        IncidentReceipt receipt;
        note_who(receipt, transaction);
        for (SubjectKind const kind : {SubjectKind::org, SubjectKind::agent}) {
            if (std::vector<Subject> const subjects = subjects_of(blocks, kind); !subjects.empty()) {
                append(receipt, lift_in(transaction, subjects, StandingKind::block, options.by, trail));
            }
        }
        return receipt;
    });
}

IncidentReceipt revoke_agents(db::Database &database, std::vector<AgentId> const &agents, bool force,
                              WriteOptions const &options) {
    return shut_out(database, {.subjects = each_once(agents), .kind = StandingKind::revoke, .force = force}, options);
}

IncidentReceipt revoke_org(db::Database &database, OrgId const &org, WriteOptions const &options) {
    return shut_out_org(database, org, StandingKind::revoke, {}, options);
}

IncidentReceipt revoke_keys(db::Database &database, std::vector<KeyId> const &keys, WriteOptions const &options) {
    return shut_out(database, {.subjects = each_once(keys), .kind = StandingKind::revoke}, options);
}

IncidentReceipt revoke_found(db::Database &database, std::multimap<KeyId, scan::FoundKey> const &found,
                             WriteOptions const &options) {
    return run_shut_out(database, options, StandingKind::revoke, [&](db::Transaction &transaction, Trail &trail) {
        IncidentReceipt receipt;
        note_who(receipt, transaction);
        std::vector<Subject> keys;
        for (auto const &[id, key] : found) {
            auto const owner = sql::identify(transaction, id, key.hash);
            if (owner && owner->kind == SecretKind::key) {
                keys.emplace_back(id);
            } else if (owner) {
                bool const changed = sql::revoke_token(transaction, id);
                receipt.items.push_back({.subject = id, .is_token = true, .changed = changed});
                receipt.changed = receipt.changed || changed;
                if (changed) {
                    trail.record(transaction, options.by,
                                 {{.action = "token_revoked", .org_id = owner->org_id, .key_id = id}});
                }
                transaction.confirm(!sql::is_live_token(transaction, id), "the revocation of token " + id.text(),
                                    {"token " + id.text() + " may still be live"});
            } else {
                receipt.items.push_back(
                    {.subject = id,
                     .known = false,
                     .error = Error(ErrorKind::not_found, "key " + id.text() + " is not in this database",
                                    {.why = "it was never issued here, or the text is a forgery",
                                     .sought = {.kind = "key", .text = id.text()}})});
            }
        }
        if (!keys.empty()) {
            append(receipt,
                   shut_out_in(transaction, {.subjects = keys, .kind = StandingKind::revoke}, options.by, trail));
        }
        return receipt;
    });
}

IncidentReceipt restore_org(db::Database &database, OrgId const &org, WriteOptions const &options) {
    return run_lifting(database, options, StandingKind::revoke, [&](db::Transaction &transaction, Trail &trail) {
        sql::get_org(transaction, org);
        return lift_in(transaction, {org}, StandingKind::revoke, options.by, trail);
    });
}

}  // namespace relay
