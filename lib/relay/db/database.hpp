#pragma once

#include "relay/db/transaction.hpp"
#include "relay/model/database_label.hpp"
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

/// Where the database is, and how long to wait for it.
struct Settings {
    std::string conninfo{};  ///< as libpq takes it, keywords or URI; empty: libpq's own PG* settings and service file
    std::string origin{};  ///< where `conninfo` came from, for errors: "--dsn", "RELAY_ADMIN_DSN"; may be empty
    bool allow_password = true;  ///< false: refuse a password in `conninfo`, because every user can read command lines
    std::chrono::milliseconds timeout{10'000};  ///< for connecting, and for each transaction up to its COMMIT
    std::string application_name = "relay-admin";
    Advice unreachable_next{};  ///< the advice of the error when no server answers
    std::function<void(std::string const &)>
        show_wait{};  ///< shows to people which lock a change waits for; may be empty
};

/// How a COMMIT is made durable.
enum class Durability {
    standard,  ///< as the database is configured, but never `off`
    local,  ///< flushed on the primary, without waiting for standbys: a dead standby must not delay a block
};

struct TransactOptions {
    Durability durability = Durability::standard;
    bool read_only = false;  ///< may run on a standby
    bool one_snapshot = false;  ///< all statements see the same snapshot: for reports, not for writes
    bool dry_run = false;  ///< the body runs, then ROLLBACK instead of COMMIT
    std::chrono::milliseconds lock_patience{5'000};  ///< how long to wait for each lock of another session
    bool names_holders = true;  ///< false: the error of a lock that was not granted does not say who holds it
    bool check_schema = true;  ///< false: for `schema` and `init`, which must work with any version
    /// Makes the rows of the change feed wake no one at COMMIT, because NOTIFY could delay the COMMIT or make it fail.
    /// Listeners are woken afterwards if possible; otherwise they find the rows by polling.
    bool wake_later = false;
    bool identify = false;  ///< true if the body needs Transaction::database_id()
    std::optional<OperationId> operation{};  ///< recorded last, unless the body recorded one; every write needs one
    /// For a transaction that runs before relay.operations exists: returns, under the migration lock, whether it
    /// committed.
    std::function<bool(Transaction &)> was_committed{};
};

/// A change whose COMMIT travels with its statements (Database::transact_at_once). Nothing is read before the COMMIT, so
/// whatever must prevent it raises an error in the server (schema/0014_read_back.sql).
struct AtOnce {
    /// Sends the statements of the change, and waits for none. May run more than once. If the answers were lost and the
    /// fence found the change committed, it runs a last time, to be rolled back: then `committed_at` is the start of the
    /// transaction that committed, and the answers must count its changes as theirs.
    std::function<void(Transaction &, std::optional<Instant> committed_at)> send{};
    /// Sends statements that read, to run after the COMMIT in a separate transaction; may be empty. Not called for a
    /// dry run, or if the answers were lost.
    std::function<void(Transaction &)> follow{};
    /// Reads the answers of `send`, after the COMMIT.
    std::function<void()> read{};
    /// Reads those of `follow`. May fail: the change is committed.
    std::function<void()> read_following{};
};

/// The outcome of a transaction whose COMMIT got no answer.
enum class Fate { committed, aborted };

}  // namespace relay::db

/// The texts in relay.operations.
template <>
struct relay::EnumText<relay::db::Fate> {
    static constexpr auto words =
        std::to_array<EnumWord<db::Fate>>({{db::Fate::committed, "done"}, {db::Fate::aborted, "aborted"}});
};

namespace relay::db {

/// Thrown by a body to be rolled back and run again, as if there had been a serialization failure.
class RunAgain : public std::exception {
  public:
    char const *what() const noexcept override { return "the transaction must be run again"; }
};

/// Thrown when a transaction turns out to have started under foreign settings: the next one undoes them.
class OpenAgain : public RunAgain {};

/// A setting of the connection is not valid, so that no server was asked. The kind is usage.
class BadSettings : public Error {
  public:
    using Error::Error;
};

/// A database, and the one way to change it: `transact`.
///
/// A use case passes its whole work as a body. `transact` opens a transaction with settings that no role, database or
/// pooler can change, runs the body, and commits. When it returns, the change is committed; when it throws, the Error
/// says whether anything changed. If the answer to COMMIT is lost, it does not look whether the rows are there, but
/// lets the fence settle the outcome (relay/db/fence.hpp), so the caller need not guess. A body may run more than once,
/// so it must have no effect outside its transaction, except through a Delivery.
///
/// Connects when first needed, and never reconnects inside a transaction. One thread at a time.
class Database {
  public:
    explicit Database(Settings settings);
    ~Database();
    Database(Database const &) = delete;
    Database &operator=(Database const &) = delete;

    /// Runs `body` in one transaction and commits it.
    ///
    /// After a serialization failure or a deadlock, the body runs again, up to 5 times in all. If COMMIT fails
    /// because it cannot wake the gateways (a full queue, a lock), the body runs once more with `wake_later`. No other
    /// error is tried again. A COMMIT whose answer is lost is settled by the fence within 30 s, by the
    /// transaction's operation id (Transaction::record_operation). Throws Error: unavailable, nothing changed; unknown,
    /// the answer is lost and the outcome cannot be found out now; schema; denied; whatever `body` throws. Throws
    /// Interrupted after interrupt().
    void transact(TransactOptions const &options, std::function<void(Transaction &)> const &body);
    /// The same for a body with a result: returns the result of its last run only.
    template <typename Body>
    requires(!std::is_void_v<std::invoke_result_t<Body const &, Transaction &>>) auto transact(
        TransactOptions const &options, Body const &body) {
        std::optional<std::invoke_result_t<Body const &, Transaction &>> made;
        transact(options, [&](Transaction &transaction) { made.emplace(body(transaction)); });
        return *std::move(made);
    }

    /// As transact, for a change that needs no answer before its COMMIT: everything is one message to the server, and
    /// one back. `options` name an operation. Returns why the answers of `follow` could not be read; none if they could
    /// (or if nothing followed).
    std::optional<std::string> transact_at_once(TransactOptions const &options, AtOnce const &work);

    /// Settles an operation by the fence: inserts its id as aborted, which bars its transaction permanently, or finds
    /// that it is done. Waits up to 30 s for an operation in flight. Throws Error: unknown, it could not be settled
    /// in that time.
    Fate settle(OperationId const &operation);

    /// Shows by Settings::show_wait what is done so far, which sessions hold the locks that a change may be waiting for, and
    /// what ends the first of them. Shows nothing if none can be found in half a second.
    void report_wait(std::string_view so_far);

    /// Listens on a channel, on a separate connection (relay/db/listener.hpp). Throws Error: unavailable, denied.
    std::unique_ptr<Listener> listen(char const *channel);

    /// Returns what the last transaction has read when it began; none if there was no transaction yet.
    std::optional<DatabaseLabel> const &label() const;

    /// Returns true if a transaction changed what gateways cache (Transaction::expect_announcement), and the change feed
    /// took no row of it.
    bool unannounced() const;

    /// Returns "relay at db.internal:5432", for people.
    std::string const &target();

  private:
    struct Impl;
    std::unique_ptr<Impl> m_impl;
};

/// Makes the running transaction (unless its COMMIT was sent) and every later one end with Interrupted.
/// Async-signal-safe.
void interrupt() noexcept;
/// Sleeps, until the end or until a signal (see in_transaction). Throws Interrupted after interrupt().
void pause(std::chrono::milliseconds length);
/// Returns true while a transaction is open, or in pause(). A signal handler then calls interrupt() and returns;
/// otherwise it may end the program immediately.
bool in_transaction() noexcept;

}  // namespace relay::db
