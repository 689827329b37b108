#pragma once

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
    std::optional<Instant> expires_at{};  ///< the end of the key's life; none: never
};

struct CreatedAgent : WriteReceipt {
    Agent agent;
    std::optional<Key> key{};  ///< the new key; for `changed == false` the agent's present one, if it has one
    std::string delivered_to{};  ///< KeyDelivery::destination(); empty if nothing was delivered
};

/// Makes an agent with its first key and delivers the key before it goes live. The same request again changes nothing and delivers nothing.
/// Throws Error: not_found, no such organization; conflict, the id exists with other content (the fields that differ are named), is shut out,
/// or the organization is blocked or revoked; limit, the organization has as many agents as it may; sink, from `delivery`.
CreatedAgent create_agent(db::Database &database, CreateAgent const &request, WriteOptions const &options,
                          KeyDelivery &delivery);

struct UpdateAgent {
    AgentId id;
    std::optional<DisplayName> name{};
    std::vector<Permission> add_permissions{};
    std::vector<Permission> remove_permissions{};
    std::optional<std::chrono::seconds> key_max_age{};
};

struct UpdatedAgent : WriteReceipt {
    Agent agent;
    std::vector<std::string> fields{};  ///< that changed: "name", "permissions", "key_max_age"
};

/// Changes what is given; a permission that is already there (it stays under its conditions), or already gone, changes nothing.
/// Throws Error: not_found.
UpdatedAgent update_agent(db::Database &database, UpdateAgent const &request, WriteOptions const &options);

}  // namespace relay
