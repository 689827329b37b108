#include "relay/db/database.hpp"

#include "relay/db/fence.hpp"
#include "relay/db/interrupt.hpp"
#include "relay/db/listener.hpp"
#include "relay/db/session.hpp"
#include "relay/db/sqlstate.hpp"
#include "relay/model/outcome.hpp"

#include <fmt/format.h>
#include <random>
#include <thread>

namespace relay::db {
namespace {

using Clock = Watchdog::Clock;
using namespace std::chrono_literals;

constexpr int attempts = 5;
/// The least time to wait for the answer to COMMIT, however late it is sent.
constexpr auto least_commit_wait = 2s;

/// Marks the time in which a signal must not end the program immediately.
class Running {
  public:
    explicit Running(int socket) { running::opened(socket); }
    ~Running() { running::closed(); }
    Running(Running const &) = delete;
    Running &operator=(Running const &) = delete;
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

constexpr auto operation_sql = "SELECT at FROM relay.operations WHERE op_id = $1";

constexpr auto wake_sql = "SELECT pg_notify('relay_key_changes', '')";

void pause_before(int attempt) {
    static std::minstd_rand random(std::random_device{}());
    std::uniform_int_distribution<int> jitter(5, 20 << attempt);
    std::this_thread::sleep_for(std::chrono::milliseconds(jitter(random)));
}

/// The error if the wait for the standbys was cancelled, or the session ended while it waited. The server only warns
/// then.
Error on_the_primary_only() {
    return {ErrorKind::unknown,
            "the change is committed on the primary only: the wait for its standbys was cancelled",
            {.why = "a failover would lose it until the standbys have it",
             .next = "check the standbys (SELECT * FROM pg_stat_replication)",
             .changed = Changed::yes}};
}

}  // namespace

struct Database::Impl {
    Settings settings;
    std::optional<Conninfo> resolved{};
    std::unique_ptr<Session> session{};
    std::optional<DatabaseLabel> label{};
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

void Database::Impl::run_once(TransactOptions const &options, std::function<void(Transaction &)> const &body,
                              Deadline deadline) {
    on_session(deadline, [&](Session &current, bool) {
        current.begin(options, deadline);
        Transaction transaction(current);
        body(transaction);
        bool const writes = !options.read_only && !transaction.has_nothing_to_do();
        if (writes && options.operation && !transaction.recorded_operation()) {
            transaction.record_operation(*options.operation);
        }
        transaction.settle();
        label = current.label();
        if (writes && !transaction.is_confirmed()) {
            throw Error(ErrorKind::internal, "a transaction that writes did not read its effect back");
        }
        if (running::interrupted()) {
            throw Interrupted();
        }
        if (!writes || options.dry_run) {
            current.rollback();
            return;
        }
        std::optional<OperationId> const &operation = transaction.recorded_operation();
        outcome::commit_sent(operation ? operation->text() : std::string_view());
        Deadline const last = std::max(deadline, Clock::now() + least_commit_wait);
        CommitAnswer const answer = transaction.records_with_commit()
                                        ? record_and_commit(current, transaction, *operation, last)
                                        : current.commit(last);
        answer == CommitAnswer::none ? settle_lost(options, operation) : conclude(answer);
    });
}

std::optional<std::string> Database::Impl::run_at_once(TransactOptions const &options, AtOnce const &work,
                                                       Deadline deadline) {
    std::optional<std::string> unread;
    on_session(deadline, [&](Session &current, bool is_old) {
        current.begin(options, deadline);
        if (is_old) {
            current.settle();  // it may have ended while someone typed; with a COMMIT sent, that would be in doubt
        }
        current.require_start();
        Transaction transaction(current);
        work.send(transaction, std::nullopt);
        if (options.dry_run) {
            transaction.settle();
            label = current.label();
            work.read();
            current.rollback();
            return;
        }
        transaction.record_operation_if_written(*options.operation);
        if (running::interrupted()) {
            throw Interrupted();
        }
        unread = commit_at_once(current, transaction, options, work, deadline);
    });
    return unread;
}

std::optional<std::string> Database::Impl::commit_at_once(Session &current, Transaction const &transaction,
                                                          TransactOptions const &options, AtOnce const &work,
                                                          Deadline deadline) {
    outcome::commit_sent(options.operation->text());
    Transaction following(current);
    CommitAnswer const answer = send_commit(current, deadline + least_commit_wait, [&] {
        if (work.follow) {
            current.begin_reading();
            work.follow(following);
            current.end_reading();
        }
    });
    if (answer == CommitAnswer::none) {
        settle_lost(options, options.operation);
        reread_for_certain(options, work);
        return std::nullopt;
    }
    if (answer == CommitAnswer::committed && !transaction.has_written()) {
        outcome::rolled_back();  // there was nothing to change
    } else {
        conclude(answer);
    }
    label = current.label();
    work.read();
    try {
        if (work.follow) {
            work.read_following();
        }
        current.finish_reading();
    } catch (Error const &error) {
        current.rollback();
        return error.message();
    } catch (Interrupted const &) {
        current.rollback();
        return "interrupted";
    } catch (RunAgain const &) {
        current.rollback();
        return "other sessions got in the way";
    }
    return std::nullopt;
}

CommitAnswer Database::Impl::record_and_commit(Session &current, Transaction &transaction, OperationId const &operation,
                                               Deadline deadline) {
    transaction.record_operation_if_written(operation);
    return send_commit(current, deadline, [] {});
}

/// Sends COMMIT with all that is queued, then what `follow` sends, and reads the answer to the COMMIT.
CommitAnswer Database::Impl::send_commit(Session &current, Deadline deadline, std::function<void()> const &follow) {
    try {
        current.queue_commit();
        follow();
    } catch (Error const &) {
        return CommitAnswer::none;  // the connection broke, but the COMMIT may have arrived
    } catch (std::bad_alloc const &) {
        return CommitAnswer::none;
    }
    try {
        return current.read_commit(deadline);
    } catch (...) {
        outcome::rolled_back();  // a statement before the COMMIT failed
        throw;
    }
}

/// The fence found the change committed, but its answers are lost.
void Database::Impl::reread(TransactOptions options, AtOnce const &work) {
    options.dry_run = true;
    auto const deadline = Clock::now() + settings.timeout;
    on_session(deadline, [&](Session &current, bool) {
        current.undo_foreign_settings();
        current.begin(options, deadline);
        Transaction transaction(current);
        Instant const at = transaction.exec(operation_sql, {*options.operation}).one().instant("at");
        work.send(transaction, at);
        transaction.settle();
        label = current.label();
        work.read();
        current.rollback();
    });
}

/// Whatever fails now, the change is committed, and must not be made again.
void Database::Impl::reread_for_certain(TransactOptions const &options, AtOnce const &work) {
    auto const unread = [](std::string const &why) {
        return Error(ErrorKind::unknown, "the change is committed, but could not be read back: " + why,
                     {.next = "look at it", .changed = Changed::yes});
    };
    try {
        reread(options, work);
    } catch (Error const &error) {
        throw unread(error.message());
    } catch (NotBegun const &lost) {
        throw unread(lost.error().message());
    } catch (RunAgain const &) {
        throw unread("other sessions got in the way");
    }
}

void Database::Impl::conclude(CommitAnswer answer) {
    bool const done = answer == CommitAnswer::committed || answer == CommitAnswer::only_locally;
    done ? outcome::committed() : outcome::rolled_back();
    switch (answer) {
        case CommitAnswer::only_locally: throw on_the_primary_only();
        case CommitAnswer::run_again: throw RunAgain();
        case CommitAnswer::rolled_back: throw Error(session->commit_error());
        case CommitAnswer::wake_up_refused: throw WakeUpRefused(session->commit_error());
        case CommitAnswer::committed:
        case CommitAnswer::none: break;
    }
}

void Database::Impl::settle_lost(TransactOptions const &options, std::optional<OperationId> const &operation) {
    bool const warned = session->warned();
    session.reset();
    hurry = true;
    Fence fence(conninfo(), settings);
    Fate const fate = operation ? fence.settle(*operation) : fence.settle_migration(options.was_committed);
    fate == Fate::committed ? outcome::committed() : outcome::rolled_back();
    if (fate == Fate::aborted) {
        throw Error(ErrorKind::unavailable,
                    "the connection broke while committing, and the transaction was rolled back; nothing was changed",
                    {.next = "try again"});
    }
    if (warned) {
        throw on_the_primary_only();
    }
}

/// Best effort: the change is committed, and listeners also poll every few seconds.
void Database::Impl::wake_listeners() noexcept {
    try {
        TransactOptions options;
        options.check_schema = false;
        options.lock_patience = 500ms;
        Deadline const soon = Clock::now() + least_commit_wait;
        Session &current = connected(soon);
        Running const mark(current.socket());
        current.begin(options, soon);
        current.exec(wake_sql, {});
        if (current.commit(soon) == CommitAnswer::none) {
            session.reset();
        }
    } catch (...) {
        session.reset();
    }
}

Database::Database(Settings settings) : m_impl(std::make_unique<Impl>(Impl{.settings = std::move(settings)})) {}

Database::~Database() = default;

/// Runs `run`, again if other sessions got in the way, up to `attempts` times.
template <typename Run>
void Database::Impl::repeat(TransactOptions const &options, Run const &run) {
    if (!options.read_only && !options.operation && !options.was_committed) {
        throw Error(ErrorKind::internal, "a writing transaction has no operation id to settle it by");
    }
    auto const deadline = Clock::now() + (hurry ? std::chrono::milliseconds(1s) : settings.timeout);
    TransactOptions present = options;
    for (int attempt = 1;; ++attempt) {
        try {
            run(present, deadline);
            if (present.wake_later && !present.dry_run) {
                wake_listeners();
            }
            return;
        } catch (WakeUpRefused const &refused) {
            if (present.wake_later) {
                throw Error(refused.error());
            }
            present.wake_later = true;
            continue;
        } catch (NotBegun const &lost) {
            if (attempt == attempts || Clock::now() >= deadline) {
                throw Error(lost.error());
            }
        } catch (OpenAgain const &) {
            --attempt;  // no other session got in the way, and it happens once in a session
            continue;
        } catch (RunAgain const &) {
            if (attempt == attempts || Clock::now() >= deadline) {
                throw Error(ErrorKind::unavailable,
                            fmt::format("other sessions got in the way {} times (serialization failure or deadlock); "
                                        "nothing was changed",
                                        attempt),
                            {.next = "try again", .sqlstate = "40001"});
            }
        }
        pause_before(attempt);
    }
}

void Database::transact(TransactOptions const &options, std::function<void(Transaction &)> const &body) {
    m_impl->repeat(
        options, [&](TransactOptions const &present, Deadline deadline) { m_impl->run_once(present, body, deadline); });
}

std::optional<std::string> Database::transact_at_once(TransactOptions const &options, AtOnce const &work) {
    std::optional<std::string> unread;
    m_impl->repeat(options, [&](TransactOptions const &present, Deadline deadline) {
        unread = m_impl->run_at_once(present, work, deadline);
    });
    return unread;
}

Fate Database::settle(OperationId const &operation) {
    Fence fence(m_impl->conninfo(), m_impl->settings);
    Fate const fate = fence.settle(operation);
    m_impl->label = fence.label();
    return fate;
}

std::unique_ptr<Listener> Database::listen(char const *channel) {
    return std::make_unique<Listener>(m_impl->conninfo(), m_impl->settings, channel);
}

std::optional<DatabaseLabel> const &Database::label() const { return m_impl->label; }

std::string const &Database::target() { return m_impl->conninfo().target; }

}  // namespace relay::db
