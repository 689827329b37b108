#pragma once

#include "relay/db/database.hpp"
#include "relay/identity/delivery.hpp"
#include "relay/model/attribution.hpp"

#include <functional>
#include <optional>
#include <type_traits>

namespace relay {

/// Ties a KeyDelivery to the one transaction that makes its key live.
///
/// It delivers as the last step before COMMIT, once, however often the body is retried, and then passes the verdict
/// to the delivery. So no key is ever live that no one holds. Without a delivery (the caller brings the key) it only
/// provides the operation id.
class DeliverThenCommit {
  public:
    /// `callers_key`: the caller brought the key, so a retry may have the same content. The operation id must then be
    /// random: an id made from the content could be one that an earlier attempt left as aborted.
    DeliverThenCommit(KeyDelivery *delivery, bool dry_run, bool callers_key = false);

    /// Prepares the delivery and returns the operation id that the body must record: the same each time the body
    /// runs.
    OperationId const &prepare(NewKey const &issued);
    /// Waits until the server has accepted all that was sent, and delivers. On a dry run delivers nothing, so that no
    /// secret becomes visible.
    void deliver(db::Transaction &transaction);
    /// Runs `body` in a transaction with `options` and passes the verdict to the delivery.
    void run(db::Database &database, db::TransactOptions const &options,
             std::function<void(db::Transaction &)> const &body);
    /// The same for a body with a result: returns the result of its last run.
    template <typename Body>
    requires(!std::is_void_v<std::invoke_result_t<Body const &, db::Transaction &>>) auto run(
        db::Database &database, db::TransactOptions const &options, Body const &body) {
        std::optional<std::invoke_result_t<Body const &, db::Transaction &>> made;
        run(database, options, [&](db::Transaction &transaction) { made.emplace(body(transaction)); });
        return *std::move(made);
    }
    /// Returns where the key was delivered; empty if it was not.
    std::string destination() const;

  private:
    KeyDelivery *m_delivery;
    bool m_dry_run;
    bool m_callers_key;
    bool m_delivered = false;
    std::optional<OperationId> m_operation{};
};

/// Runs `body` in a transaction. If `delivered` is true at the end (the body sets it when it delivers), passes the
/// verdict to `delivery`.
void commit_after_delivery(db::Database &database, db::TransactOptions const &options,
                           std::function<void(db::Transaction &)> const &body, Delivery *delivery,
                           bool const &delivered);

}  // namespace relay
