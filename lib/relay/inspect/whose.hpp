#pragma once

#include "relay/db/database.hpp"
#include "relay/identity/states.hpp"
#include "relay/inspect/recognize.hpp"
#include "relay/model/ids.hpp"
#include "relay/model/time.hpp"
#include "relay/scan/findings.hpp"

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// Finds the owner of a key: for someone who has a leaked text, or only an id from a log.
namespace relay {

/// What connects a text with a key of the database. A key id is public, so only the whole key proves anything.
enum class Proof {
    whole_key,  ///< the hash of the key in the text is the stored one
    id_only,  ///< the text has the id; the rest is missing or damaged
    other_secret,  ///< the text has a well-formed key with this id, but another secret
};

template <>
struct EnumText<Proof> {
    static constexpr auto words = std::to_array<EnumWord<Proof>>(
        {{Proof::whole_key, "whole_key"}, {Proof::id_only, "id_only"}, {Proof::other_secret, "other_secret"}});
};

/// Returns what a key of this type is called: key, token or device.
NamedThing thing_of(KeyType type);

/// A key, a token or a device, and its owner; or an agent that has no live key, or an organization.
struct Whose {
    NamedThing thing = NamedThing::key;  ///< key, token, device, agent or org
    std::optional<std::string> asked{};  ///< the text that was looked up; none: it was found in a scanned text
    std::optional<Proof> proof{};  ///< of a key or token
    std::optional<KeyId> key_id{};
    std::optional<AgentId> agent_id{};
    std::optional<std::string> agent_name{};
    std::optional<OwnerName> owner{};
    std::optional<OrgId> org_id{};
    std::optional<std::string> org_name{};
    std::variant<std::monostate, KeyStatus, Status> state{};  ///< monostate: not in this database
    bool blocked = false;  ///< gateways refuse it for now
    bool has_seat = true;  ///< false: gateways refuse its agent with over_limit
    std::optional<Instant> last_used_at{};
    std::optional<std::string> last_address{};  ///< where the last call came from, if a gateway reported it

    bool known() const { return !std::holds_alternative<std::monostate>(state); }
    /// Returns true for a key or token of this database that gateways accept, ignoring blocks. Of a key with another
    /// secret it is not true: no gateway accepts the text that was found.
    bool live() const;
};

struct WhoseAll {
    std::vector<Whose> items{};
    std::vector<std::string> unknown{};  ///< texts that name nothing in this database
    std::vector<std::string> more{};  ///< names that more agents or organizations have than were looked up
    Instant at{};
    std::string db_role{};
};

/// Looks up keys and tokens that were found in a text, and the ids of damaged ones. Waits at most `lock_patience` for a
/// lock.
WhoseAll whose_found(db::Database &database, std::multimap<KeyId, scan::FoundKey> const &found,
                     std::vector<KeyId> const &damaged,
                     std::chrono::milliseconds lock_patience = std::chrono::milliseconds(5'000));

/// How many agents or organizations whose_named looks up for one name.
inline constexpr int most_namesakes = 100;

/// Looks up what people type: the id of a key (also as it begins in logs, with relay_sk_), a token, an agent or an
/// organization, or a name: the first `most_namesakes` agents and organizations
/// with it, by id. An agent gives its live keys, newest first; if it has none, the agent itself.
WhoseAll whose_named(db::Database &database, std::vector<std::string> const &texts);

/// An agent for which no active or staged key is left.
struct AgentWithoutKey {
    AgentId agent_id;
    std::optional<OwnerName> owner{};
    bool has_retiring = false;  ///< a key in its grace period still works for a while
};

/// Returns the agents of these keys for which none is left, in order of their ids. Not those that are revoked.
std::vector<AgentWithoutKey> agents_without_key(db::Database &database, std::vector<KeyId> const &keys);

}  // namespace relay
