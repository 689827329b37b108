#include "relay/incident/incident.hpp"

#include "relay/identity/keys_sql.hpp"
#include "relay/identity/org_tokens_sql.hpp"
#include "relay/identity/organizations_sql.hpp"
#include "relay/identity/revocations_sql.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/incident/change.hpp"
#include "relay/model/escape.hpp"

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

/// Lifts blocks in a transaction that has to read before, and reads the effect back after the COMMIT, too.
IncidentReceipt run_unblocking(db::Database &database, WriteOptions const &options,
                               std::function<IncidentReceipt(db::Transaction &, Trail &)> const &work) {
    IncidentReceipt receipt = run_lift(database, options, work);
    if (receipt.changed && !options.dry_run) {
        confirm_committed(database, receipt, StandingKind::block, false);
    }
    return receipt;
}

/// Changes an organization. If it does not exist, the whole command fails (with suggestions), not just an item.
IncidentReceipt change_org(db::Database &database, Direction direction, sql::ShutOut const &request,
                           WriteOptions const &options) {
    IncidentReceipt receipt = change_at_once(database, direction, request, options);
    if (receipt.items.front().error) {
        database.transact(reading(), [&](db::Transaction &transaction) {
            sql::get_org(transaction, std::get<OrgId>(request.subjects.front()));
        });
    }
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

/// Returns the ticket that is meant: as it was given, or without the escapes with which commands show it. SQL may have
/// written one with characters that no command line takes.
std::optional<std::string> find_ticket(db::Transaction &transaction, Note const &given, StandingKind kind) {
    for (std::string const &ticket : {given.text(), unescape(given.text())}) {
        if (sql::knows_ticket(transaction, ticket, kind)) {
            return ticket;
        }
    }
    return std::nullopt;
}

}  // namespace

IncidentReceipt block_agents(db::Database &database, std::vector<AgentId> const &agents, BlockEnd const &end,
                             bool force, WriteOptions const &options) {
    return change_at_once(database, Direction::shut_out, {.subjects = each_once(agents), .end = end, .force = force},
                          options);
}

IncidentReceipt block_org(db::Database &database, OrgId const &org, BlockEnd const &end, WriteOptions const &options) {
    return change_org(database, Direction::shut_out, {.subjects = {org}, .end = end}, options);
}

IncidentReceipt block_devices(db::Database &database, std::vector<DeviceId> const &devices, BlockEnd const &end,
                              WriteOptions const &options) {
    return change_at_once(database, Direction::shut_out, {.subjects = each_once(devices), .end = end}, options);
}

IncidentReceipt unblock_devices(db::Database &database, std::vector<DeviceId> const &devices,
                                WriteOptions const &options) {
    return change_at_once(database, Direction::lift, {.subjects = each_once(devices)}, options);
}

IncidentReceipt unblock_agents(db::Database &database, std::vector<AgentId> const &agents,
                               WriteOptions const &options) {
    return change_at_once(database, Direction::lift, {.subjects = each_once(agents)}, options);
}

IncidentReceipt unblock_org(db::Database &database, OrgId const &org, WriteOptions const &options) {
    return change_org(database, Direction::lift, {.subjects = {org}}, options);
}

IncidentReceipt unblock_ticket(db::Database &database, Note const &ticket, WriteOptions const &options) {
    return run_unblocking(database, options, [&](db::Transaction &transaction, Trail &trail) {
        std::optional<std::string> const under = find_ticket(transaction, ticket, StandingKind::block);
        if (!under) {
            throw Error(ErrorKind::not_found, "no block was ever made under ticket " + ticket.text(),
                        {.next = advise(Act::list_blocked_agents)});
        }
        std::vector<Standing> const blocks = sql::standing_under(transaction, *under, StandingKind::block);
        IncidentReceipt receipt;
        note_who(receipt, transaction);
        for (SubjectKind const kind : {SubjectKind::org, SubjectKind::agent, SubjectKind::device}) {
            if (std::vector<Subject> const subjects = subjects_of(blocks, kind); !subjects.empty()) {
                append(receipt, change_in(transaction, Direction::lift, {.subjects = subjects}, options.by, trail));
            }
        }
        return receipt;
    });
}

IncidentReceipt revoke_agents(db::Database &database, std::vector<AgentId> const &agents, bool force,
                              WriteOptions const &options) {
    return change_at_once(database, Direction::shut_out,
                          {.subjects = each_once(agents), .kind = StandingKind::revoke, .force = force}, options);
}

IncidentReceipt revoke_org(db::Database &database, OrgId const &org, WriteOptions const &options) {
    return change_org(database, Direction::shut_out, {.subjects = {org}, .kind = StandingKind::revoke}, options);
}

IncidentReceipt revoke_keys(db::Database &database, std::vector<KeyId> const &keys, WriteOptions const &options) {
    return change_at_once(database, Direction::shut_out, {.subjects = each_once(keys), .kind = StandingKind::revoke},
                          options);
}

IncidentReceipt revoke_devices(db::Database &database, std::vector<DeviceId> const &devices,
                               WriteOptions const &options) {
    return change_at_once(database, Direction::shut_out, {.subjects = each_once(devices), .kind = StandingKind::revoke},
                          options);
}

IncidentReceipt revoke_found(db::Database &database, std::multimap<KeyId, scan::FoundKey> const &found,
                             WriteOptions const &options) {
    IncidentReceipt all = run_incident(database, options, [&](db::Transaction &transaction, Trail &trail) {
        IncidentReceipt receipt;
        std::vector<db::Pending<std::optional<sql::Owner>>> owners;  // all in one message: a text may have many keys
        for (auto const &[id, key] : found) {
            owners.push_back(sql::ask_owner(transaction, id, key.hash));
        }
        note_who(receipt, transaction);
        std::vector<Subject> keys;
        std::vector<Subject> devices;
        auto next = owners.begin();
        for (auto const &[id, key] : found) {
            auto const owner = (next++)->get();
            if (owner && owner->kind == SecretKind::key) {
                keys.emplace_back(id);
            } else if (owner && owner->kind == SecretKind::device) {
                Subject const device = DeviceId::parse(id.text());
                if (std::find(devices.begin(), devices.end(), device) == devices.end()) {  // several tokens of it
                    devices.push_back(device);
                }
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
                     .error =
                         Error(ErrorKind::not_found,
                               "no key with the id " + id.text() + " and this secret is in this database",
                               {.why = "it was never issued here, or someone put a known id before another secret"})});
            }
        }
        for (std::vector<Subject> const &subjects : {keys, devices}) {
            if (!subjects.empty()) {
                append(receipt, change_in(transaction, Direction::shut_out,
                                          {.subjects = subjects, .kind = StandingKind::revoke}, options.by, trail));
            }
        }
        return receipt;
    });
    if (all.changed && !options.dry_run) {
        confirm_committed(database, all, StandingKind::revoke, true);
    }
    return all;
}

std::vector<Subject> revoked_under(db::Database &database, Note const &ticket) {
    return database.transact(reading(), [&](db::Transaction &transaction) {
        std::optional<std::string> const under = find_ticket(transaction, ticket, StandingKind::revoke);
        if (!under) {
            throw Error(ErrorKind::not_found, "no revocation was ever made under ticket " + ticket.text(),
                        {.next = advise(Act::list_agents)});
        }
        std::vector<Standing> const standing = sql::standing_under(transaction, *under, StandingKind::revoke);
        std::vector<Subject> subjects = subjects_of(standing, SubjectKind::org);
        std::vector<Subject> const agents = subjects_of(standing, SubjectKind::agent);
        subjects.insert(subjects.end(), agents.begin(), agents.end());
        return subjects;
    });
}

IncidentReceipt restore_unknown_agent(db::Database &database, AgentId const &agent, WriteOptions const &options) {
    return change_at_once(database, Direction::lift, {.subjects = {agent}, .kind = StandingKind::revoke}, options);
}

IncidentReceipt restore_org(db::Database &database, OrgId const &org, WriteOptions const &options) {
    return change_org(database, Direction::lift, {.subjects = {org}, .kind = StandingKind::revoke}, options);
}

}  // namespace relay
