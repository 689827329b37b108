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
    std::optional<std::int64_t> expect{};  ///< how many agents must lose their seat; none: any number
};

/// What a smaller limit takes.
struct SeatLoss {
    std::int64_t lost = 0;  ///< agents that gateways now refuse with over_limit
    std::vector<AgentId> staying{};  ///< the first that keep their seat, at most 3
    bool oldest_stays = false;  ///< the first of them is the oldest agent
};

struct UpdatedOrg : WriteReceipt {
    Org org;
    std::optional<KeyId> token{};
    std::vector<std::string> fields{};  ///< the fields that changed: "name", "plan", ...
    SeatLoss seats{};
    KeylessCalls keyless{};  ///< if auth_mode became required: the callers that gateways now refuse
};

/// Updates what is set in `request`. With `token`, a new admin token replaces the old one immediately.
/// Throws Error: not_found; usage, no such plan; conflict, `expect` differs.
UpdatedOrg update_org(db::Database &database, UpdateOrg const &request, WriteOptions const &options,
                      KeyDelivery *token = nullptr);

}  // namespace relay
