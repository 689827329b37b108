#pragma once

#include "relay/db/database.hpp"
#include "relay/identity/delivery.hpp"
#include "relay/identity/staged_delivery.hpp"
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
///
/// A store that is not a file is another matter (relay/identity/staged_delivery.hpp): if `staging()` is set, the body must
/// insert the key as staged; it is delivered after the COMMIT, and then confirmed.
class DeliverThenCommit {
  public:
    /// `callers_key`: the caller brought the key, so a retry may have the same content. The operation id must then be
    /// random: an id made from the content could be one that an earlier attempt left as aborted. `end`: what becomes of
    /// the keys that the new one replaces.
    DeliverThenCommit(KeyDelivery *delivery, WriteOptions const &options, bool callers_key = false,
                      sql::EndOfOld end = {});

    /// Returns how the key must be staged; null: it must be inserted as active.
    Staging const *staging() const { return m_store != nullptr ? &m_store->staging() : nullptr; }
    /// Returns what becomes of the keys that the new one replaces.
    sql::EndOfOld const &end_of_old() const { return m_end; }
    /// Prepares the delivery and returns the operation id that the body must record: the same each time the body
    /// runs. Call it before the key is inserted.
    OperationId const &prepare(NewKey const &issued);
    /// Waits until the server has accepted all that was sent, and delivers, or notes that the staged key must be
    /// delivered after the COMMIT. On a dry run delivers nothing, so that no secret becomes visible.
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
    /// Returns what became of a staged key; none if none was staged.
    std::optional<ConfirmedKey> const &confirmed() const { return m_confirmed; }

  private:
    void stage(db::Database &database, db::TransactOptions const &options,
               std::function<void(db::Transaction &)> const &body);

    KeyDelivery *m_delivery;
    Store *m_store;
    WriteOptions const &m_options;
    bool m_callers_key;
    sql::EndOfOld m_end;
    bool m_delivered = false;
    std::optional<OperationId> m_operation{};
    std::optional<StagedKey> m_prepared{};  ///< the key of the body's last run
    bool m_staged = false;
    std::optional<ConfirmedKey> m_confirmed{};
};

/// Runs `body` in a transaction. If `delivered` is true at the end (the body sets it when it delivers), passes the
/// verdict to `delivery`.
void commit_after_delivery(db::Database &database, db::TransactOptions const &options,
                           std::function<void(db::Transaction &)> const &body, Delivery *delivery,
                           bool const &delivered);

}  // namespace relay
