#pragma once

#include "relay/db/database.hpp"
#include "relay/db/interrupt.hpp"
#include "relay/db/session.hpp"
#include "relay/db/sqlstate.hpp"

#include <exception>
#include <memory>
#include <optional>

/// Only for database.cpp and at_once.cpp.
namespace relay::db {

using Clock = Watchdog::Clock;

/// The least time to wait for the answer to COMMIT, however late it is sent.
constexpr auto least_commit_wait = std::chrono::seconds(2);

/// Marks the time in which a signal must not end the program immediately.
class Running {
  public:
    explicit Running(int socket) : m_before(running::opened(socket)) {}
    ~Running() { running::closed(m_before); }
    Running(Running const &) = delete;
    Running &operator=(Running const &) = delete;

  private:
    running::Open m_before;
};

/// The server rolled back at COMMIT because it could not wake the listeners.
class WakeUpRefused : public std::exception {
  public:
    explicit WakeUpRefused(Error error) : m_error(std::move(error)) {}
    Error const &error() const { return m_error; }
    char const *what() const noexcept override { return "the server could not wake the listeners at COMMIT"; }

  private:
    Error m_error;
};

/// The server ended the session before the transaction was open: by a time-out for sessions that are idle, or while it
/// was. Nothing was done.
class NotBegun : public std::exception {
  public:
    explicit NotBegun(Error error) : m_error(std::move(error)) {}
    Error const &error() const { return m_error; }
    char const *what() const noexcept override { return "the session ended before the transaction was open"; }

  private:
    Error m_error;
};

struct Database::Impl {
    Settings settings;
    std::optional<Conninfo> resolved{};
    std::unique_ptr<Session> session{};
    std::optional<DatabaseLabel> label{};
    bool unannounced = false;
    bool hurry = false;  // true after a fence, when the 45 s that a command may take are nearly used up

    Conninfo const &conninfo() {
        if (!resolved) {
            resolved = complete_conninfo(settings);
        }
        return *resolved;
    }

    Session &connected(Deadline deadline) {
        if (!session || !session->usable()) {
            session.reset();
            session = std::make_unique<Session>(conninfo(), settings, deadline);
        }
        return *session;
    }

    template <typename Run>
    void repeat(TransactOptions const &options, Run const &run);
    template <typename Work>
    void on_session(Deadline deadline, Work const &work);
    void run_once(TransactOptions const &options, std::function<void(Transaction &)> const &body, Deadline deadline);
    std::optional<std::string> run_at_once(TransactOptions const &options, AtOnce const &work, Deadline deadline);
    std::optional<std::string> commit_at_once(Session &current, Transaction const &transaction,
                                              TransactOptions const &options, AtOnce const &work, Deadline deadline);
    void reread(TransactOptions options, AtOnce const &work);
    static CommitAnswer record_and_commit(Session &current, Transaction &transaction, OperationId const &operation,
                                          Deadline deadline);
    static CommitAnswer send_commit(Session &current, Deadline deadline, std::function<void()> const &follow);
    void reread_for_certain(TransactOptions const &options, AtOnce const &work);
    void note_announced(Transaction const &transaction, std::optional<Pending<bool>> const &announced = {});
    void conclude(CommitAnswer answer);
    void settle_lost(TransactOptions const &options, std::optional<OperationId> const &operation);
    void wake_listeners() noexcept;
};

/// Runs `work` on a session (which it may find `old`, from a transaction before), and rolls back if it fails.
template <typename Work>
void Database::Impl::on_session(Deadline deadline, Work const &work) {
    if (running::interrupted()) {
        throw Interrupted();
    }
    bool const is_old = session && session->usable();
    Session &current = connected(deadline);
    Running const mark(current.socket());
    try {
        work(current, is_old);
    } catch (Error const &error) {
        if (session && !session->has_begun() &&
            (ends_session(error.hint().sqlstate) || (is_old && !session->connected()))) {
            session.reset();
            throw NotBegun(error);
        }
        if (session) {
            session->rollback();
        }
        throw;
    } catch (...) {
        if (session) {
            session->rollback();
        }
        throw;
    }
}

}  // namespace relay::db
