#pragma once

#include "relay/db/transaction.hpp"
#include "relay/feed/changes_sql.hpp"
#include "relay/feed/records.hpp"
#include "relay/identity/records.hpp"

namespace relay::sql {

/// Every gateway that acknowledged anything in the last 7 days, by id.
std::vector<Gateway> list_gateways(db::Transaction &transaction);

struct GatewayAck {
    std::string gateway_id{};
    bool live = false;
    bool has_it = false;  ///< it has acknowledged the place
};

/// Which gateways have acknowledged `place` (none: whatever there was, all of them have).
std::vector<GatewayAck> acknowledged(db::Transaction &transaction, std::optional<FeedPlace> const &place);

}  // namespace relay::sql
