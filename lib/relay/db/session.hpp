#pragma once

#include "relay/db/conninfo.hpp"
#include "relay/db/transaction.hpp"
#include "relay/db/watchdog.hpp"
#include "relay/model/error.hpp"

#include <functional>
#include <memory>
#include <string>

namespace relay::db {

using Deadline = Watchdog::Clock::time_point;

/// What the server said to COMMIT.
enum class CommitAnswer {
    committed,
    only_locally,  ///< committed on the primary; the wait for its standbys was cancelled
    rolled_back,  ///< for sure
    run_again,  ///< for sure rolled back, by a serialization failure or a deadlock
    none,  ///< lost: either way
};

/// One connection, one transaction at a time. Never reconnects: after a failure it is thrown away.
class Session {
  public:
    /// Connects. Throws Error: unavailable, no server answers by `deadline`; denied, the login is refused.
    Session(Conninfo const &conninfo, Settings const &settings, Deadline deadline);
    ~Session();
    Session(Session const &) = delete;
    Session &operator=(Session const &) = delete;

    /// BEGIN, our settings, and what a transaction must know at its start, in one round trip.
    /// Throws Error: schema, another version than this program's; unavailable, a standby or read-only session that is to write.
    void begin(TransactOptions const &options, Deadline deadline);
    Rows exec(char const *sql, std::vector<Param> const &params);
    /// As exec, with `meanwhile` done here while the server works; what it throws is thrown, and the statement is left to the rollback.
    void exec_while(char const *sql, std::vector<Param> const &params, std::function<void()> const &meanwhile);
    void exec_script(std::string const &sql);
    /// Sends COMMIT: nothing else does. Never throws: whatever goes wrong here is CommitAnswer::none.
    CommitAnswer commit(Deadline deadline) noexcept;
    /// Best effort; a session that does not take it is no longer usable().
    void rollback() noexcept;
    bool usable() const noexcept;
    int socket() const noexcept;
    Link link() const;
    /// The server warned while it committed: if it did commit, then without waiting for its standbys to the end.
    bool warned() const noexcept;
    /// Why commit() answered rolled_back.
    Error const &commit_error() const;

    Instant now() const { return m_now; }
    std::string const &db_role() const { return m_db_role; }
    std::string const &database_id() const { return m_database_id; }

  private:
    struct Impl;
    [[noreturn]] void fail_broken() const;
    [[noreturn]] void fail(std::string const &sqlstate, std::string_view message) const;
    void check_start(TransactOptions const &options, Rows const &rows);
    void check_schema(std::vector<std::int64_t> const &versions);
    template <typename Work>
    auto guarded(Work const &work);

    std::unique_ptr<Impl> m_impl;
    Instant m_now{};
    std::string m_db_role{};
    std::string m_database_id{};
};

}  // namespace relay::db
