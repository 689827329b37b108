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
    std::optional<KeyId> token{};  ///< id of the admin token, if one was asked for and made
};

/// Makes an organization, and an admin token for it if `token` is given. The same request again changes nothing (and makes no token).
/// Throws Error: conflict, the id exists with other content (the fields that differ are named).
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
    std::vector<std::string> fields{};  ///< that changed: "name", "plan", ...
    KeylessCalls keyless{};  ///< when auth_mode became required: who is shut out by that
};

/// Changes what is given. With `token` a fresh admin token replaces the old one at once.
/// Throws Error: not_found.
UpdatedOrg update_org(db::Database &database, UpdateOrg const &request, WriteOptions const &options,
                      KeyDelivery *token = nullptr);

}  // namespace relay
