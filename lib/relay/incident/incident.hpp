#pragma once

#include "relay/crypto/key_scanner.hpp"
#include "relay/db/database.hpp"
#include "relay/identity/delivery.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/attribution.hpp"

#include <variant>

namespace relay {

/// When a block ends by itself: at a time, or after a while on the database's clock; none: when it is lifted.
using BlockEnd = std::variant<std::monostate, Instant, std::chrono::seconds>;

/// What became of one id. `known` is false for an id that is in no table (a tombstone, if it was forced).
struct IncidentItem {
    Subject subject;
    bool is_token = false;  ///< `subject` is the id of an organization's admin token, which looks like a key's
    bool known = true;
    bool changed = false;
    std::optional<Error> error{};  ///< not_found: nothing was done for this id
    std::optional<Standing> standing{};  ///< what keeps it out now
    bool extended_only = false;  ///< it was blocked already, and now is for longer

    AgentId const *agent() const { return std::get_if<AgentId>(&subject); }
    OrgId const *org() const { return std::get_if<OrgId>(&subject); }
    /// Null for a token.
    KeyId const *key() const { return is_token ? nullptr : std::get_if<KeyId>(&subject); }
    /// "agent", "org", "key" or "token".
    std::string_view kind_text() const { return is_token ? text_of(SecretKind::token) : text_of(kind_of(subject)); }
};

struct IncidentReceipt : WriteReceipt {
    std::vector<IncidentItem> items{};  ///< in the order of the request
    /// Why no auth_events row could be written: somebody holds a lock on the audit log. What was asked for is done.
    std::optional<std::string> trail_missing{};
};

/// Blocks agents: a pause, nothing is lost. One insert for all, waits for no lock (not for one on the audit log either), commits locally. An unknown id is an error of its own item,
/// or with `force` a tombstone that keeps it out. A block that already stands, and lasts as long, is left as it is; never shortened.
IncidentReceipt block_agents(db::Database &database, std::vector<AgentId> const &agents, BlockEnd const &end,
                             bool force, WriteOptions const &options);
/// Blocks an organization: all of its agents. Throws Error: not_found.
IncidentReceipt block_org(db::Database &database, OrgId const &org, BlockEnd const &end, WriteOptions const &options);

/// Lifts blocks; a revocation stays. Not being blocked is no error; an id that nobody knows is one of its own item.
IncidentReceipt unblock_agents(db::Database &database, std::vector<AgentId> const &agents, WriteOptions const &options);
IncidentReceipt unblock_org(db::Database &database, OrgId const &org, WriteOptions const &options);
/// Lifts every standing block that was made under a ticket. Throws Error: not_found, no block was ever made under it.
IncidentReceipt unblock_ticket(db::Database &database, Note const &ticket, WriteOptions const &options);

/// Revokes agents: their keys are dead for good. Otherwise as block_agents.
IncidentReceipt revoke_agents(db::Database &database, std::vector<AgentId> const &agents, bool force,
                              WriteOptions const &options);
IncidentReceipt revoke_org(db::Database &database, OrgId const &org, WriteOptions const &options);
/// Revokes single keys by id.
IncidentReceipt revoke_keys(db::Database &database, std::vector<KeyId> const &keys, WriteOptions const &options);
/// Revokes keys found in a text, in one transaction. A find counts only if its hash is the stored one: a key id is public, and anybody can
/// make a text that looks like a key. The others are items with an error (not_found). Org admin tokens are found too (`is_token`).
IncidentReceipt revoke_found(db::Database &database, std::multimap<KeyId, KeyScanner::Found> const &found,
                             WriteOptions const &options);

struct RestoredAgent : WriteReceipt {
    Agent agent;
    std::optional<Key> key{};  ///< the new one; without a change the present one, if it has one
    std::string delivered_to{};
};

/// Brings a revoked agent back with a fresh key; all its older keys stay dead. Blocks stay. An agent that is not revoked: nothing changes.
/// Throws Error: not_found; conflict, its organization is revoked; limit; sink.
RestoredAgent restore_agent(db::Database &database, AgentId const &agent, WriteOptions const &options,
                            KeyDelivery &delivery);
/// Lifts an organization's revocation; every key stays dead, so each agent needs a rotation. Throws Error: not_found.
IncidentReceipt restore_org(db::Database &database, OrgId const &org, WriteOptions const &options);

}  // namespace relay
