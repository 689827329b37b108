#pragma once

#include "relay/db/canceller.hpp"
#include "relay/db/conninfo.hpp"
#include "relay/db/transaction.hpp"
#include "relay/db/watchdog.hpp"
#include "relay/model/database_label.hpp"
#include "relay/model/error.hpp"

#include <functional>
#include <memory>
#include <string>

struct pg_result;

namespace relay::db {

using Deadline = Watchdog::Clock::time_point;

/// The server's answer to COMMIT.
enum class CommitAnswer {
    committed,
    only_locally,  ///< committed on the primary; the wait for its standbys was cancelled
    rolled_back,  ///< certainly rolled back
    wake_up_refused,  ///< certainly rolled back, because NOTIFY failed: COMMIT sends it
    run_again,  ///< certainly rolled back, by a serialization failure or a deadlock
    none,  ///< the answer is lost: committed or rolled back
};

/// One connection, with one transaction at a time. It never reconnects; after a failure it is dropped.
class Session {
  public:
    /// Connects. Throws Error: unavailable, no server answers by `deadline`; denied, the login is refused.
    Session(Conninfo const &conninfo, Settings const &settings, Deadline deadline);
    ~Session();
    Session(Session const &) = delete;
    Session &operator=(Session const &) = delete;

    /// Queues BEGIN, our settings, and questions about what a transaction must know at its start. The first read checks
    /// the answers, before those to any other statement, and throws Error: schema, not this program's version;
    /// unavailable, a write on a standby or in a read-only session; OpenAgain, once: ALTER DATABASE or ALTER ROLE has set
    /// something, which the next transaction undoes.
    void begin(TransactOptions const &options, Deadline deadline);
    /// From now on, each transaction undoes foreign settings, instead of asking first if there are any.
    void undo_foreign_settings() noexcept;
    /// Queues a statement (see Pipeline).
    std::shared_ptr<Reply::Slot> send(char const *sql, std::vector<Param> const &params);
    Rows rows(Reply::Slot const &slot);
    /// Ends the message that is queued, and sends it without waiting for the answers.
    void flush();
    /// Starts the time-out again, for answers that are parts of a whole.
    void restart_deadline() noexcept;
    Canceller canceller() const;
    static bool is_read(Reply::Slot const &slot);
    /// Waits for everything that is still queued.
    void settle();
    /// As settle, but runs `meanwhile` while the server works. If `meanwhile` throws, that is thrown, and the rollback
    /// waits for the server.
    void settle_while(std::function<void()> const &meanwhile);
    Rows exec(char const *sql, std::vector<Param> const &params) { return rows(*send(sql, params)); }
    void exec_script(std::string const &sql);
    /// Sends COMMIT, as no other function does, after settle(). Never throws: if anything goes wrong, the answer is
    /// CommitAnswer::none.
    CommitAnswer commit(Deadline deadline) noexcept;
    /// Queues, right after begin(), what makes the server refuse whatever begin() would have made us refuse: for a COMMIT
    /// that is sent before its answers are read.
    void require_start();
    /// Queues COMMIT and ends the message. What is queued next is another transaction.
    void queue_commit();
    /// Begins a transaction that reads behind queue_commit(), with the settings of the one before.
    void begin_reading();
    void end_reading();
    /// Drops the answers that were not read, and ends the transaction.
    void finish_reading();
    /// Reads the answers up to that of the COMMIT. If a statement before it failed, the server has skipped the COMMIT:
    /// throws as rows() does. Else as commit().
    CommitAnswer read_commit(Deadline deadline);
    /// Rolls back as well as it can; if it fails, the session is no longer usable().
    void rollback() noexcept;
    bool usable() const noexcept;
    /// Returns false once the connection is known to be broken.
    bool connected() const noexcept;
    /// Returns true once the server has said that the transaction is open.
    bool has_begun() const noexcept;
    int socket() const noexcept;
    Link link() const;
    /// Returns true if the server warned during COMMIT: if it committed, it did not wait for its standbys to the end.
    bool warned() const noexcept;
    /// Returns why commit() answered rolled_back or wake_up_refused.
    Error const &commit_error() const;

    /// What the transaction knows since its start. Wait for its answers if need be.
    Instant now();
    std::string const &db_role();
    std::string const &database_id();
    DatabaseLabel const &label();

  private:
    struct Impl;
    struct Start;
    [[noreturn]] void fail_broken(std::string_view message = "") const;
    [[noreturn]] void fail(std::string const &sqlstate, std::string_view message) const;
    void open(TransactOptions const &options);
    std::shared_ptr<Reply::Slot> send_settings();
    Start const &started();
    void read();
    [[noreturn]] void fail_answer(pg_result const *error);
    CommitAnswer answer_of(pg_result const *result);
    void check_start();
    void check_schema(std::vector<std::int64_t> const &versions);

    std::unique_ptr<Impl> m_impl;
};

}  // namespace relay::db
