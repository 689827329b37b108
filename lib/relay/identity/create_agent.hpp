#pragma once

#include "relay/crypto/signing.hpp"
#include "relay/db/database.hpp"
#include "relay/identity/delivery.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/attribution.hpp"

namespace relay {

struct CreateAgent {
    AgentId id;  ///< from AgentId::parse_new or generate_agent_id()
    OrgId org;
    DisplayName name;
    std::vector<Permission> permissions{};
    std::optional<std::chrono::seconds> key_max_age{};  ///< none: the organization's
    std::optional<Instant> expires_at{};  ///< when the key expires; none: never
    std::optional<OwnerName> owner{};
    std::vector<Label> labels{};  ///< a label_set()
    std::optional<OwnerUserId> owner_user_id{};
    std::optional<VerifyingKey> public_key{};  ///< its first key, with which it signs; staged until its first request
};

struct CreatedAgent : WriteReceipt {
    Agent agent;
    std::optional<Key> key{};  ///< the new key; if nothing changed, the agent's current key, if any
    std::string delivered_to{};  ///< KeyDelivery::destination(); empty if nothing was delivered
};

/// Creates an agent with its first key, and delivers the key before it becomes live. The same request again changes
/// nothing and delivers nothing. Throws Error: not_found, no such organization; conflict, the id exists with other
/// content (the message names the fields that differ), or the id or the organization is blocked or revoked; limit,
/// the organization has as many agents as its limit allows; sink, from `delivery`.
///
/// `delivery` may be null if the request has a public key. Throws Error (conflict) if that was ever registered.
CreatedAgent create_agent(db::Database &database, CreateAgent const &request, WriteOptions const &options,
                          KeyDelivery *delivery);

struct UpdateAgent {
    AgentId id;
    std::optional<DisplayName> name{};
    std::vector<Permission> add_permissions{};
    std::vector<Permission> remove_permissions{};
    std::optional<std::chrono::seconds> key_max_age{};
    bool default_key_max_age = false;  ///< from now on that of its organization
    std::optional<OwnerName> owner{};
    bool no_owner = false;
    std::vector<Label> labels{};  ///< labels to set: a label_set()
    std::vector<LabelName> remove_labels{};
    std::optional<OwnerUserId> owner_user_id{};
    bool no_owner_user = false;
};

struct UpdatedAgent : WriteReceipt {
    Agent agent;
    std::vector<std::string>
        fields{};  ///< the fields that changed: "name", "permissions", "key_max_age", "owner", "labels", "owner_user_id"
};

/// Updates the fields that are set in `request`. Adding a permission that the agent has (its conditions are kept) or
/// removing one that it does not have changes nothing; likewise for labels. Throws Error: not_found.
UpdatedAgent update_agent(db::Database &database, UpdateAgent const &request, WriteOptions const &options);

}  // namespace relay
