#pragma once

#include "relay/db/rows.hpp"
#include "relay/model/ids.hpp"
#include "relay/model/text_of.hpp"
#include "relay/model/time.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace relay::db {

class Session;

/// One parameter of a statement, in PostgreSQL's text form; null if empty. Send bytea as `\x` + hex, and arrays as
/// text (`{a,b}`) or JSON. Its members are not inline, because every statement makes and copies a list of them.
class Param {
  public:
    Param(std::nullopt_t) noexcept;
    Param(std::string text);
    Param(char const *text);
    Param(bool value);
    Param(std::int64_t value);
    Param(int value);
    Param(Instant value);
    /// Whole seconds; the statement converts them to an interval: `make_interval(secs => $1)`.
    Param(std::chrono::seconds value);
    /// An id, or an enum with a table.
    template <HasText T>
    Param(T const &value) : Param(std::string(text_of(value))) {}
    template <typename T>
    Param(std::optional<T> const &value) : Param(std::nullopt) {
        if (value) {
            *this = Param(*value);
        }
    }
    Param(Param const &other);
    Param(Param &&other) noexcept;
    Param &operator=(Param const &other);
    Param &operator=(Param &&other) noexcept;
    ~Param();

    std::optional<std::string> const &text() const { return m_text; }

  private:
    std::optional<std::string> m_text{};
};

/// The connection to the server, as the client sees it; what is behind a pooler cannot be seen.
struct Link {
    std::string host{};  ///< a name, an address, or the folder of the socket
    std::string port{};
    std::optional<std::string> tls_version{};  ///< "TLSv1.3"; none: not encrypted
    std::optional<std::string> tls_cipher{};
    bool used_password = false;
};

class Transaction;

/// The server's reply to a statement that was sent. Belongs to a Transaction, and must not outlive it.
class Reply {
  public:
    struct Slot;
    Reply(Transaction &transaction, std::shared_ptr<Slot> slot)
        : m_transaction(&transaction), m_slot(std::move(slot)) {}
    /// Waits for it. Throws Error as Transaction::exec does, for this statement or one that was sent before it.
    Rows rows() const;

  private:
    friend class Transaction;
    Transaction *m_transaction;
    std::shared_ptr<Slot> m_slot;
};

/// A result that was asked for (Transaction::ask) and may still be on its way.
template <typename T>
class Pending {
  public:
    Pending(Reply reply, std::function<T(Rows const &)> read) : m_reply(std::move(reply)), m_read(std::move(read)) {}
    /// Waits for it. Throws Error as Transaction::exec does.
    T get() const { return m_read(m_reply.rows()); }

  private:
    Reply m_reply;
    std::function<T(Rows const &)> m_read;
};

/// Transaction: an open transaction, as the body of Database::transact sees it.
///
/// It runs statements, but cannot commit: only `transact` can, after the body has returned. So a function that takes
/// a Transaction can be combined with others, and the use case decides what belongs together. The server has already
/// given it the time, the role and the schema's version, at no extra cost. Do not catch what it throws inside a body:
/// after an error, the server refuses every further statement of the transaction and answers COMMIT with a rollback.
class Transaction {
  public:
    explicit Transaction(Session &session);
    ~Transaction();
    Transaction(Transaction const &) = delete;
    Transaction &operator=(Transaction const &) = delete;

    /// Runs one statement of static text with `$n` for every value.
    /// Throws Error, translated from the SQLSTATE (denied, conflict, limit, unavailable, ...), without DETAIL.
    Rows exec(char const *sql, std::vector<Param> const &params = {});
    /// Sends a statement without waiting for it: it travels in one message with the next one that is waited for. So
    /// statements that do not depend on each other's results cost one way to the server and back. Only for short
    /// results. `check` gets the result as soon as anything sent later is used, and before COMMIT at the latest.
    Reply send(char const *sql, std::vector<Param> const &params = {});
    void send(char const *sql, std::vector<Param> const &params, std::function<void(Rows const &)> check);
    /// The same for a statement with a typed result: `read` makes it from the rows.
    template <typename Read>
    auto ask(char const *sql, std::vector<Param> const &params, Read read) {
        return Pending<std::invoke_result_t<Read, Rows const &>>(send(sql, params), std::move(read));
    }
    /// Waits for everything that was sent, and checks it.
    void settle();
    /// As settle, but runs `meanwhile`, which may throw, while the server works.
    void settle_while(std::function<void()> const &meanwhile);
    /// Runs several statements without parameters: a migration.
    void exec_script(std::string const &sql);

    /// Makes the server refuse every further write of this transaction.
    void forbid_writes();
    /// Sets the place to which return_to_savepoint() undoes all writes. A later call replaces it.
    void set_savepoint();
    void return_to_savepoint();

    /// Inserts `operation` into relay.operations as done, for the fence that settles a lost COMMIT. Every transaction
    /// that changes something does this once; `transact` does it with a random id if the body did not.
    void record_operation(OperationId const &operation);
    /// The same for a change whose answers are not awaited: inserts it only if the transaction has written anything.
    void record_operation_if_written(OperationId const &operation);
    /// Returns whether it had.
    bool has_written() const;
    /// The same as record_operation(), but in the message of the COMMIT: for a body that learns `operation` after its
    /// last answer.
    void record_operation_with_commit(OperationId const &operation);
    bool records_with_commit() const { return m_records_with_commit; }
    /// Says that the body has inserted `operation` itself, together with what makes it unique (a request id).
    void adopt_operation(OperationId const &operation) { m_operation = operation; }
    std::optional<OperationId> const &recorded_operation() const { return m_operation; }

    /// Says what reading back showed after the last write: the effect is `there`, or not. A body that changes anything
    /// must say so at least once, or nothing is committed. `what` names the effect: "the block of agent x"; `doubts`
    /// says what may be so instead: "agent x may still be live". Throws Error (schema) if it is not there.
    void confirm(bool there, std::string_view what, std::vector<std::string> doubts = {});
    /// The same for a part of the effect: it does not count as reading back the whole.
    void require(bool there, std::string_view what, std::vector<std::string> doubts = {}) const;
    bool is_confirmed() const { return m_confirmed; }

    /// Says that the change concerns what gateways cache, so the change feed must have a row of it. That is read with the
    /// COMMIT. A missing row undoes nothing: Database::unannounced() reports it.
    void expect_announcement() { m_expects_announcement = true; }
    bool expects_announcement() const { return m_expects_announcement; }
    /// Asks whether this transaction has written a row of the feed: for a body that judges the answer itself.
    Pending<bool> ask_announced();
    void note_unannounced() { m_unannounced = true; }
    bool is_unannounced() const { return m_unannounced; }

    /// Says that the state is already as requested: the transaction ends without a COMMIT and leaves no trace.
    void nothing_to_do() { m_nothing_to_do = true; }
    bool has_nothing_to_do() const { return m_nothing_to_do; }

    /// Returns the transaction's start, by the database's clock.
    Instant now() const;
    /// Returns session_user: the role that the database authenticated, whatever actor is claimed.
    std::string const &db_role() const;
    /// Returns 8 hexadecimal digits that identify the database: the same on its standbys and after a failover,
    /// different in a restored dump and after it was renamed. Needs no relay schema. Empty unless
    /// TransactOptions::identify is set.
    std::string const &database_id() const;
    Link link() const;

  private:
    friend class Reply;
    friend class RowStream;
    struct Check {
        Reply reply;
        std::function<void(Rows const &)> check;
    };
    Rows rows(Reply::Slot const &slot);
    void run_checks();

    Session &m_session;
    std::deque<Check> m_checks{};
    std::optional<OperationId> m_operation{};
    std::optional<Reply> m_record{};
    bool m_nothing_to_do = false;
    bool m_records_with_commit = false;
    bool m_confirmed = false;
    bool m_expects_announcement = false;
    bool m_unannounced = false;
};

}  // namespace relay::db
