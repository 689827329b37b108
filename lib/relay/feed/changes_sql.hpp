#pragma once

#include "relay/db/transaction.hpp"
#include "relay/feed/records.hpp"
#include "relay/identity/records.hpp"

namespace relay::sql {

/// A page of the change feed after `cursor` (none: one row "reset", from which to begin). Each row comes at least once; nothing more is to
/// come when the cursor of the last is the one that was asked with, or there is no row. Runs on a standby, too.
std::vector<KeyChange> changes_since(db::Transaction &transaction, std::optional<std::string> const &cursor);

/// A place in the feed.
struct FeedPlace {
    std::string txid{};
    std::int64_t seq = 0;
};

/// The last row that shuts out one of `subjects`, of one kind; none: the feed does not hold it any more.
std::optional<FeedPlace> last_shut_out(db::Transaction &transaction, std::vector<Subject> const &subjects);

/// Wakes who listens to the feed, at COMMIT. For changes that did not do so themselves: see wake_later.
void wake_listeners(db::Transaction &transaction);
/// The changes of this transaction wake nobody, so that its COMMIT waits for no lock of NOTIFY.
void wake_later(db::Transaction &transaction);

}  // namespace relay::sql
