#pragma once

#include "relay/db/database.hpp"
#include "relay/identity/confirm_key.hpp"
#include "relay/identity/delivery.hpp"
#include "relay/model/attribution.hpp"

#include <chrono>

/// The second and third step of a delivery to a store that is not a file; the first is the COMMIT that stages the key.
namespace relay {

/// A key whose staging is committed.
struct StagedKey {
    OrgId org;
    AgentId agent;
    KeyId key;
    std::chrono::steady_clock::time_point began{};  ///< before its deadlines were computed
};

/// Delivers the key while no transaction is open, asks the store what it holds, if it can be asked, and confirms the key
/// that is proved. Throws Error: sink, the key is not confirmed, and every key that may have arrived works; conflict, it
/// was revoked meanwhile; unknown, the answer to the COMMIT of the confirmation is lost.
ConfirmedKey finish_delivery(db::Database &database, StagedKey const &staged, KeyDelivery &delivery,
                             sql::EndOfOld const &end, WriteOptions const &options);

/// Confirms a key inside the transaction that staged it: for a dry run, which has no second one.
ConfirmedKey pretend_delivery(db::Transaction &transaction, StagedKey const &staged, sql::EndOfOld const &end,
                              Attribution const &by);

}  // namespace relay
