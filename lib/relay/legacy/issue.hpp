#pragma once

#include "relay/db/database.hpp"
#include "relay/fleet/records.hpp"
#include "relay/identity/delivery.hpp"
#include "relay/model/attribution.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace relay {

/// Which agents get their own key: those in `agents`, or the next ones of the queue.
struct IssueLegacy {
    std::optional<std::vector<AgentId>> agents{};
    std::optional<OrgId> org{};  ///< from the queue, only this organization's agents
    std::optional<std::int64_t> next{};  ///< from the queue, at most this many; none: all
    std::size_t batch = 1000;  ///< keys per transaction, at most; the delivery may allow fewer
    std::optional<std::int64_t> expect{};  ///< how many agents must get a key; any other number is a conflict
};

/// Agents of the queue to which a run delivers a key, or whose delivery has just failed: they wait until its deadline.
struct InDelivery {
    std::int64_t agents = 0;
    std::optional<Instant> until{};  ///< none: there are none
};

/// The reason of a fault: no such agent is in the inventory.
inline constexpr std::string_view was_not_imported = "it was not imported";

struct IssuedLegacy : WriteReceipt {
    std::size_t issued = 0;
    std::size_t batches = 0;
    std::string delivered_to{};  ///< empty: nothing was delivered
    std::vector<AgentId> unchanged{};  ///< agents of the request that have a key, or have left the list
    std::vector<AgentFault> faults{};
    std::int64_t waiting = 0;  ///< listed agents that still have no key
    InDelivery in_delivery{};  ///< of these; only of a request for the queue
};

/// Callbacks for progress.
struct IssueObserver {
    std::function<void(std::size_t total)> starting{};  ///< how many will get a key, if no other run shares the queue
    std::function<void(std::size_t done, std::size_t total)> progress{};
    std::function<void(std::vector<IssuedToAgent> const &)> committed{};  ///< a batch is live
};

/// Gives each agent of the list its own key. The agent may use the shared secret as well, until it first uses its
/// key.
///
/// Each batch is delivered and then committed in its own transaction. A committed batch remains, and the same request
/// again continues with the agents that have no key yet; for that, it needs nothing but the database. Several runs at
/// the same time share the queue, and no agent ever gets two keys. An agent to which nothing can be delivered, or
/// which the database refuses, fails alone. Throws Error: conflict, no window is open, or the count is not the
/// expected one; sink, from `delivery`; and as Database::transact. After the first batch, `changed` of the hint is
/// partly.
IssuedLegacy issue_legacy(db::Database &database, IssueLegacy const &request, WriteOptions const &options,
                          BatchDelivery &delivery, IssueObserver const &observer);

}  // namespace relay
