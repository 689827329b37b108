#pragma once

#include "relay/db/database.hpp"
#include "relay/identity/delivery.hpp"
#include "relay/model/attribution.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace relay {

/// To whom keys of their own are given: to `agents`, or to the next of the queue.
struct IssueLegacy {
    std::optional<std::vector<AgentId>> agents{};
    std::optional<OrgId> org{};  ///< of the queue: only this organization's
    std::optional<std::int64_t> next{};  ///< of the queue: at most so many; none: all
    std::size_t batch = 1000;  ///< keys of one transaction, at most; the delivery may want fewer
    std::optional<std::int64_t> expect{};  ///< to how many; another number is a conflict, and nothing is done
};

/// An agent that was given a key, without the secret.
struct IssuedToAgent {
    AgentId agent_id;
    OrgId org_id;
    std::optional<std::string> owner{};
    KeyId key_id;
    Instant issued_at{};
};

struct IssuedLegacy : WriteReceipt {
    std::size_t issued = 0;
    std::size_t batches = 0;
    std::string delivered_to{};  ///< empty: nothing was delivered
    std::vector<AgentId> unchanged{};  ///< named agents that have a key, or are off the list
    struct Fault {
        AgentId agent_id;
        std::string reason{};
    };
    std::vector<Fault> faults{};  ///< agents that failed, alone
    std::int64_t waiting = 0;  ///< listed agents without a key of their own, now
};

/// What is told on the way.
struct IssueObserver {
    std::function<void(std::size_t total)> starting{};  ///< to so many, if nobody else works on the list
    std::function<void(std::size_t done, std::size_t total)> progress{};
    std::function<void(std::vector<IssuedToAgent> const &)> committed{};  ///< a batch is live
};

/// Gives each agent of the list a key of its own. The agent may use either until it first uses its own.
///
/// Each batch is delivered and then committed, in a transaction of its own: what is done stays done, and the same request again goes on with
/// the agents that have no key yet, from the database alone. Several runs at once share the queue, and no agent is ever given two keys.
/// An agent to whom nothing can be delivered fails alone, as one that the database refuses.
/// Throws Error: conflict, no window is open, or another count than expected; sink, from `delivery`; and as Database::transact. `changed` of the hint is partly after the first batch.
IssuedLegacy issue_legacy(db::Database &database, IssueLegacy const &request, WriteOptions const &options,
                          BatchDelivery &delivery, IssueObserver const &observer);

}  // namespace relay
