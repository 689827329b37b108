#pragma once

#include "relay/db/order_by.hpp"
#include "relay/db/row_stream.hpp"
#include "relay/db/transaction.hpp"
#include "relay/feed/changes_sql.hpp"
#include "relay/feed/records.hpp"
#include "relay/identity/records.hpp"

namespace relay::sql {

/// Returns every gateway that acknowledged anything in the last 7 days, by id.
/// For a report about all of them; list_gateways is for a list.
std::vector<Gateway> find_gateways(db::Transaction &transaction);
/// In order of `sort`, then of id.
db::Stream<Gateway> list_gateways(db::Transaction &transaction, std::vector<SortField> const &sort);
/// Returns the fields that gateways can be sorted by.
std::vector<std::string> gateway_sort_fields();

struct GatewayAck {
    std::string gateway_id{};
    std::string db_role{};
    bool live = false;
    bool has_it = false;  ///< it has acknowledged the place
};

/// Returns, for each gateway, whether it has acknowledged `place` (none: the feed no longer has it, so all have).
std::vector<GatewayAck> acknowledged(db::Transaction &transaction, std::optional<FeedPlace> const &place);

}  // namespace relay::sql
