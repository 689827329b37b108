#pragma once

#include "relay/db/database.hpp"
#include "relay/identity/delivery.hpp"
#include "relay/identity/records.hpp"
#include "relay/inspect/inspect.hpp"
#include "relay/model/attribution.hpp"
#include "relay/scan/findings.hpp"

#include <variant>

namespace relay {

/// When a block ends automatically: at an instant, after a duration by the database's clock, or (monostate) not at all.
using BlockEnd = std::variant<std::monostate, Instant, std::chrono::seconds>;

/// How many events `IncidentReceipt::details` has.
inline constexpr int incident_events = 5;

/// The outcome for one id of a request.
struct IncidentItem {
    Subject subject;
    bool is_token = false;  ///< `subject` is the id of an organization's admin token, which has the form of a key id
    bool known = true;  ///< false: the id is in no table; with `force` it is blocked or revoked anyway
    bool looked_up = true;  ///< false: someone has locked the table of such ids, so it was blocked or revoked unseen
    bool changed = false;
    std::optional<Error> error{};  ///< not_found: nothing was done for this id
    std::optional<Standing> standing{};  ///< the block or revocation that is now in force
    bool extended_only = false;  ///< it was blocked before; the block now lasts longer

    AgentId const *agent() const { return std::get_if<AgentId>(&subject); }
    OrgId const *org() const { return std::get_if<OrgId>(&subject); }
    /// Null for a token.
    KeyId const *key() const { return is_token ? nullptr : std::get_if<KeyId>(&subject); }
    DeviceId const *device() const { return std::get_if<DeviceId>(&subject); }
    /// "agent", "org", "key", "device" or "token".
    std::string_view kind_text() const { return is_token ? text_of(SecretKind::token) : text_of(kind_of(subject)); }
};

struct IncidentReceipt : WriteReceipt {
    std::vector<IncidentItem> items{};  ///< in the order of the request
    std::optional<Instant> until{};  ///< of `block`: the end that was asked for
    /// Set if the change is committed but its auth_events rows could not be written (a lock on the audit log): why.
    std::optional<std::string> trail_missing{};
    std::string lock_holders{};  ///< if an item was not looked up: the sessions that hold locks, if they were found
    std::optional<std::string> unread{};  ///< why the effect could not be read back after the COMMIT, too
    /// If one agent was asked for: everything about it, read after the COMMIT in the same message. Null if it was not read.
    std::optional<AgentDetails> details{};
};

/// Blocks agents: gateways refuse them until the block ends or is lifted; keys are kept.
///
/// Everything is one message to the server, COMMIT included; the report follows in it. Waits for no lock (not even one
/// on the audit log), and commits on the primary without waiting for standbys. An unknown id is an error of its item
/// only; with `force` it is blocked anyway, and create_agent then refuses it. So it is if another session has locked the
/// table of agents (`looked_up`), because a block can be lifted, and the agent would be live meanwhile. A block in force
/// that lasts at least as long is kept; no block is ever shortened.
IncidentReceipt block_agents(db::Database &database, std::vector<AgentId> const &agents, BlockEnd const &end,
                             bool force, WriteOptions const &options);
/// Blocks an organization, and so all of its agents. Throws Error: not_found.
IncidentReceipt block_org(db::Database &database, OrgId const &org, BlockEnd const &end, WriteOptions const &options);

/// Blocks devices: gateways refuse their tokens until the block ends or is lifted.
IncidentReceipt block_devices(db::Database &database, std::vector<DeviceId> const &devices, BlockEnd const &end,
                              WriteOptions const &options);

/// Lifts blocks; revocations remain in force. An agent that is not blocked is not an error; an unknown id is an error
/// of its item only.
IncidentReceipt unblock_agents(db::Database &database, std::vector<AgentId> const &agents, WriteOptions const &options);
IncidentReceipt unblock_org(db::Database &database, OrgId const &org, WriteOptions const &options);
IncidentReceipt unblock_devices(db::Database &database, std::vector<DeviceId> const &devices,
                                WriteOptions const &options);
/// Lifts every block in force that was made under a ticket. Throws Error: not_found, no block was ever made under it.
IncidentReceipt unblock_ticket(db::Database &database, Note const &ticket, WriteOptions const &options);

/// Revokes agents: their keys stop working permanently. Otherwise as block_agents.
IncidentReceipt revoke_agents(db::Database &database, std::vector<AgentId> const &agents, bool force,
                              WriteOptions const &options);
IncidentReceipt revoke_org(db::Database &database, OrgId const &org, WriteOptions const &options);
/// Revokes single keys by id.
IncidentReceipt revoke_keys(db::Database &database, std::vector<KeyId> const &keys, WriteOptions const &options);
/// Revokes devices, permanently: their owners pair them again.
IncidentReceipt revoke_devices(db::Database &database, std::vector<DeviceId> const &devices,
                               WriteOptions const &options);
/// Revokes keys, organizations' admin tokens (`is_token`) and the devices of refresh tokens found in a text, in one
/// transaction.
///
/// Revokes only what has the stored hash: a key id is public, and anyone can make a text that looks like a key.
/// Anything else becomes an item with an error (not_found).
IncidentReceipt revoke_found(db::Database &database, std::multimap<KeyId, scan::FoundKey> const &found,
                             WriteOptions const &options);

struct RestoredAgent : WriteReceipt {
    Agent agent;
    std::optional<Key> key{};  ///< the new key; if nothing changed, the agent's current key, if any
    std::string delivered_to{};
};

struct RestoreAgent {
    AgentId agent;
    /// When the new key ends. None: when the key that the revocation ended would have, if that is still to come.
    std::optional<Instant> expires_at{};
};
/// Restores a revoked agent and gives it a new key. Its older keys stay dead, and its blocks remain in force. Changes
/// nothing if the agent is not revoked. Throws Error: not_found; usage, `expires_at` has passed; conflict, its organization is
/// revoked; limit; sink.
RestoredAgent restore_agent(db::Database &database, RestoreAgent const &request, WriteOptions const &options,
                            KeyDelivery &delivery);

/// How long a revocation counts as the work of a run that was broken off.
inline constexpr std::chrono::hours own_for{24};
/// Returns true if the revocation was made by this actor under this ticket within own_for: by this run, or by an earlier
/// one that did not finish.
bool is_own(Standing const &row, Attribution const &by, Instant now);

/// What an incident is about: agents, an organization, or keys.
struct OfIncident {
    std::vector<AgentId> agents{};
    std::optional<OrgId> org{};
    std::vector<KeyId> keys{};
};
/// Gives an agent a new key if an own revocation (is_own) of a subject of `what` ended an active or staged key of it that
/// was live. The new key keeps its expiry; a key in grace ends. The agent is restored if it is
/// revoked. Decides under the lock of the agent. If it has a working key already, or none was ended, nothing changes
/// (`key` says which). Throws Error as restore_agent; conflict: someone else had revoked the agent.
RestoredAgent renew_agent(db::Database &database, AgentId const &agent, OfIncident const &what,
                          WriteOptions const &options, KeyDelivery &delivery);

struct AgentToRenew {
    AgentId agent;
    std::optional<Instant> expires_at{};  ///< of the key that was ended
};
/// Returns the agents of which an own revocation ended a key, as renew_agent decides it; in order of their ids.
std::vector<AgentToRenew> agents_to_renew(db::Database &database, OfIncident const &what, Attribution const &by);

/// A file DIR/AGENT.key, and the key in it, if it has one.
struct FreshFile {
    AgentId agent;
    std::optional<KeyId> key{};
};
struct FreshBefore {
    AgentId agent;
    bool was_fresh = false;  ///< the key was made after an own revocation: so an earlier clean-up wrote the file
};
/// Returns those of `files` whose agents belong to `what`. Waits at most `lock_patience` for a lock.
std::vector<FreshBefore> fresh_before(db::Database &database, std::vector<FreshFile> const &files,
                                      OfIncident const &what, Attribution const &by,
                                      std::chrono::milliseconds lock_patience);

/// Lifts the revocation of an id that no agent has (`revoke ID --force`): there is nothing that could get a key.
IncidentReceipt restore_unknown_agent(db::Database &database, AgentId const &agent, WriteOptions const &options);

/// Returns the organizations, then the agents, whose revocation under this ticket is in force. Throws Error: not_found, no
/// revocation was ever made under it.
std::vector<Subject> revoked_under(db::Database &database, Note const &ticket);
/// Lifts an organization's revocation. Every key stays dead, so each agent needs a rotation. Throws Error: not_found.
IncidentReceipt restore_org(db::Database &database, OrgId const &org, WriteOptions const &options);

}  // namespace relay
