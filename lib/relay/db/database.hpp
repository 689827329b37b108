#pragma once

#include "relay/db/transaction.hpp"
#include "relay/model/error.hpp"
#include "relay/model/ids.hpp"

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>

namespace relay::db {

class Listener;

/// Where the database is and how long to wait for it.
struct Settings {
    std::string conninfo{};  ///< as libpq takes it, keywords or URI; empty: libpq's own PG* settings and service file
    std::string
        origin{};  ///< where `conninfo` came from, for error texts: "--dsn", "RELAY_ADMIN_DSN"; empty with an empty conninfo
    bool allow_password = true;  ///< false: a password in `conninfo` is refused (a command line is world-readable)
    std::chrono::milliseconds timeout{10'000};  ///< for the connection, and for each transaction up to its COMMIT
    std::string application_name = "relay-admin";
    Advice unreachable_next{};  ///< the `next:` of the error when no server answers
};

/// How a COMMIT is made durable.
enum class Durability {
    standard,  ///< as the database is configured, but never `off`
    local,  ///< flushed on the primary; does not wait for standbys. For block and revoke: a dead standby must not hold them up
};

struct TransactOptions {
    Durability durability = Durability::standard;
    bool read_only = false;  ///< may run on a standby
    bool one_snapshot = false;  ///< all statements see the same: for a report of several; not for what writes
    bool dry_run = false;  ///< the body runs, then ROLLBACK instead of COMMIT
    std::chrono::milliseconds lock_patience{5'000};  ///< for each lock that another session holds
    std::chrono::milliseconds busy_elsewhere{
        0};  ///< how long the body may keep the transaction open beside its statements
    bool check_schema = true;  ///< false: for `schema` and `init`, which can meet any version
    bool identify = false;  ///< Transaction::database_id() will be asked
    std::optional<OperationId>
        operation{};  ///< recorded as the last step, unless the body recorded one itself; a write needs one
    /// For a transaction that runs before relay.operations exists: tells, under the migration lock, whether it was committed.
    std::function<bool(Transaction &)> was_committed{};
};

/// What became of a transaction whose COMMIT got no answer.
enum class Fate { committed, aborted };

}  // namespace relay::db

/// In relay.operations.
template <>
struct relay::EnumText<relay::db::Fate> {
    static constexpr auto words =
        std::to_array<EnumWord<db::Fate>>({{db::Fate::committed, "done"}, {db::Fate::aborted, "aborted"}});
};

namespace relay::db {

/// Thrown by a body to be rolled back and run again, as after a serialization failure.
class RunAgain : public std::exception {
  public:
    char const *what() const noexcept override { return "the transaction must be run again"; }
};

/// A database that is connected to when first needed. One thread at a time.
class Database {
  public:
    explicit Database(Settings settings);
    ~Database();
    Database(Database const &) = delete;
    Database &operator=(Database const &) = delete;

    /// Runs `body` in one transaction and commits it; the only place that sends COMMIT.
    ///
    /// A body that hits a serialization failure or a deadlock is run again, at most 5 times. A COMMIT whose answer is lost is settled by
    /// the fence on the transaction's operation id (Transaction::record_operation), within 30 s.
    /// Throws Error: unavailable, nothing changed; unknown, lost and not to be settled; schema; denied; whatever `body` throws.
    /// Throws Interrupted after interrupt().
    void transact(TransactOptions const &options, std::function<void(Transaction &)> const &body);
    /// The same for a body that makes something: returns what its last run made, and nothing of the runs before.
    template <typename Body>
    requires(!std::is_void_v<std::invoke_result_t<Body const &, Transaction &>>) auto transact(
        TransactOptions const &options, Body const &body) {
        std::optional<std::invoke_result_t<Body const &, Transaction &>> made;
        transact(options, [&](Transaction &transaction) { made.emplace(body(transaction)); });
        return *std::move(made);
    }

    /// Settles an operation by the fence: inserts its id as aborted, which bars its transaction for ever, or finds it done. Waits for
    /// one that is in flight, at most 30 s. Throws Error: unknown, not settled by then.
    Fate settle(OperationId const &operation);

    /// Listens on a channel, on a connection of its own (relay/db/listener.hpp). Throws Error: unavailable, denied.
    std::unique_ptr<Listener> listen(char const *channel);

    /// "relay at db.internal:5432", for people.
    std::string const &target();

  private:
    struct Impl;
    std::unique_ptr<Impl> m_impl;
};

/// Async-signal-safe: the running transaction, unless its COMMIT was sent, ends with Interrupted, and so does every later one.
void interrupt() noexcept;
/// Sleeps. A signal that comes meanwhile (see in_transaction) ends it. Throws Interrupted after interrupt().
void pause(std::chrono::milliseconds length);
/// True while a transaction is open, or in pause(): a signal handler then calls interrupt() and returns; otherwise it may let the program die at once.
bool in_transaction() noexcept;

}  // namespace relay::db
