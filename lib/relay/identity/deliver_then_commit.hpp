#pragma once

#include "relay/db/database.hpp"
#include "relay/identity/delivery.hpp"
#include "relay/model/attribution.hpp"

#include <functional>
#include <optional>
#include <type_traits>

namespace relay {

/// Ties a KeyDelivery to the one transaction that makes its key live: delivers as the last step before COMMIT, once however often the body is run
/// again, and tells the delivery the verdict. Without a delivery (the caller's own key) it only names the operation.
class DeliverThenCommit {
  public:
    /// `callers_key`: the key is of the caller's making, so its content may come again, and must not name the operation: a retry would
    /// meet the tombstone of the attempt before it.
    DeliverThenCommit(KeyDelivery *delivery, bool dry_run, bool callers_key = false);

    /// Prepares the delivery and returns the operation id that the body must record. The same at each run of the body.
    OperationId const &prepare(db::Transaction &transaction, NewKey const &issued);
    /// Delivers. Nothing on a dry run: no secret is made visible.
    void deliver();
    /// Runs `body` in a transaction with `options` and tells the delivery how it ended.
    void run(db::Database &database, db::TransactOptions const &options,
             std::function<void(db::Transaction &)> const &body);
    /// The same for a body that makes something: returns what its last run made.
    template <typename Body>
    requires(!std::is_void_v<std::invoke_result_t<Body const &, db::Transaction &>>) auto run(
        db::Database &database, db::TransactOptions const &options, Body const &body) {
        std::optional<std::invoke_result_t<Body const &, db::Transaction &>> made;
        run(database, options, [&](db::Transaction &transaction) { made.emplace(body(transaction)); });
        return *std::move(made);
    }
    /// Where it went; empty if nothing was delivered.
    std::string destination() const;

  private:
    KeyDelivery *m_delivery;
    bool m_dry_run;
    bool m_callers_key;
    bool m_delivered = false;
    std::optional<OperationId> m_operation{};
};

/// Runs `body` in a transaction and tells `delivery` how it ended, if by then `delivered` is true: the body sets it when it delivers.
void commit_after_delivery(db::Database &database, db::TransactOptions const &options,
                           std::function<void(db::Transaction &)> const &body, Delivery *delivery,
                           bool const &delivered);

}  // namespace relay
