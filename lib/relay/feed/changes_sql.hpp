#pragma once

#include "relay/db/transaction.hpp"
#include "relay/feed/records.hpp"
#include "relay/identity/records.hpp"

namespace relay::sql {

/// Returns a page of the change feed after `cursor`; without a cursor, one "reset" row with the cursor to begin from.
/// Each row comes at least once. The end is reached if there is no row, or if the last row has the cursor that was
/// passed in. Also runs on a standby.
std::vector<KeyChange> changes_since(db::Transaction &transaction, std::optional<std::string> const &cursor);

/// A place in the feed.
struct FeedPlace {
    std::string txid{};
    std::int64_t seq = 0;
};

/// Returns the place of the last row that makes gateways end connections of one of `subjects`, which are of one kind.
/// None: the feed no longer has that row.
std::optional<FeedPlace> last_shut_out(db::Transaction &transaction, std::vector<Subject> const &subjects);

}  // namespace relay::sql
