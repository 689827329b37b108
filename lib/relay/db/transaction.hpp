#pragma once

#include "relay/db/rows.hpp"
#include "relay/model/ids.hpp"
#include "relay/model/text_of.hpp"
#include "relay/model/time.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace relay::db {

class Session;

/// One statement parameter, in PostgreSQL's text form; null if empty. bytea crosses as `\x` + hex, arrays as text (`{a,b}`) or json.
/// Not inline: each statement makes a list of them, which is copied.
class Param {
  public:
    Param(std::nullopt_t) noexcept;
    Param(std::string text);
    Param(char const *text);
    Param(bool value);
    Param(std::int64_t value);
    Param(int value);
    Param(Instant value);
    /// Whole seconds; the statement makes an interval of them: `make_interval(secs => $1)`.
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

/// The way to the server, as the client's end of it knows: a pooler's own way further on is not seen from here.
struct Link {
    std::string host{};  ///< name, address, or folder of the socket
    std::string port{};
    std::optional<std::string> tls_version{};  ///< "TLSv1.3"; none: not encrypted
    std::optional<std::string> tls_cipher{};
    bool used_password = false;
};

/// An open transaction: runs statements, and cannot commit. What it throws must not be caught inside the body.
class Transaction {
  public:
    explicit Transaction(Session &session);
    ~Transaction();
    Transaction(Transaction const &) = delete;
    Transaction &operator=(Transaction const &) = delete;

    /// Runs one statement of static text with `$n` for every value.
    /// Throws Error, translated from the SQLSTATE (denied, conflict, limit, unavailable, ...) without the server's DETAIL.
    Rows exec(char const *sql, std::vector<Param> const &params = {});
    /// As exec for a statement without an answer; `meanwhile` is done here while the server works on it, and may throw.
    void exec_while(char const *sql, std::vector<Param> const &params, std::function<void()> const &meanwhile);
    /// Runs several statements without parameters: a migration.
    void exec_script(std::string const &sql);

    /// Makes the server refuse every write of this transaction from here on.
    void forbid_writes();
    /// Marks a place to which return_to_savepoint() undoes what was written since; a later mark replaces it.
    void set_savepoint();
    void return_to_savepoint();

    /// Inserts `operation` as done into relay.operations: the fence that settles a lost COMMIT. Every changing transaction does this
    /// once (by itself with a random id, unless the body did), and it is the idempotency key of --request-id.
    void record_operation(OperationId const &operation);
    /// The body has inserted `operation` itself, together with what makes it unique (a request id).
    void adopt_operation(OperationId const &operation) { m_operation = operation; }
    std::optional<OperationId> const &recorded_operation() const { return m_operation; }

    /// Says that the state is already as asked: the transaction ends without a COMMIT, and leaves no trace.
    void nothing_to_do() { m_nothing_to_do = true; }
    bool has_nothing_to_do() const { return m_nothing_to_do; }

    /// The transaction's start on the database clock.
    Instant now() const;
    /// session_user: the proven identity behind a claimed actor.
    std::string const &db_role() const;
    /// Which database this is: 8 hexadecimal digits, the same on its standbys and after a failover, others in a restored dump and after it was
    /// renamed; needs no schema of ours. Empty, unless TransactOptions::identify asked for it.
    std::string const &database_id() const;
    Link link() const;

  private:
    Session &m_session;
    std::optional<OperationId> m_operation{};
    bool m_nothing_to_do = false;
};

}  // namespace relay::db
