#pragma once

#include "relay/db/database.hpp"
#include "relay/identity/delivery.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/attribution.hpp"

namespace relay {

struct CreateOrg {
    OrgId id;
    DisplayName name;
    OrgSettings settings{};
};

struct CreatedOrg : WriteReceipt {
    Org org;
    std::optional<KeyId> token{};  ///< id of the new admin token, if one was requested
};

/// Creates an organization, with an admin token if `token` is given. The same request again changes nothing and
/// issues no token. Throws Error: conflict, the id exists with other content (the message names the fields that
/// differ).
CreatedOrg create_org(db::Database &database, CreateOrg const &request, WriteOptions const &options,
                      KeyDelivery *token = nullptr);

struct UpdateOrg {
    OrgId id;
    std::optional<DisplayName> name{};
    OrgSettings settings{};
};

struct UpdatedOrg : WriteReceipt {
    Org org;
    std::optional<KeyId> token{};
    std::vector<std::string> fields{};  ///< the fields that changed: "name", "plan", ...
    KeylessCalls keyless{};  ///< if auth_mode became required: the callers that gateways now refuse
};

/// Updates what is set in `request`. With `token`, a new admin token replaces the old one immediately.
/// Throws Error: not_found.
UpdatedOrg update_org(db::Database &database, UpdateOrg const &request, WriteOptions const &options,
                      KeyDelivery *token = nullptr);

}  // namespace relay
