#include "relay/db/database_impl.hpp"

#include "relay/db/fence.hpp"
#include "relay/db/listener.hpp"
#include "relay/db/lock_holders.hpp"
#include "relay/model/outcome.hpp"

#include <fmt/format.h>
#include <random>
#include <thread>

namespace relay::db {
namespace {

using namespace std::chrono_literals;

constexpr int attempts = 5;
/// From this patience on, a lock that another session holds too long is an error for people, who need to know the session.
constexpr auto named_from = 1s;
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
        std::optional<Pending<bool>> announced;
        if (writes && transaction.expects_announcement()) {
            announced = transaction.ask_announced();
        }
        if (!writes || options.dry_run) {
            note_announced(transaction, announced);
            current.rollback();
            return;
        }
        std::optional<OperationId> const &operation = transaction.recorded_operation();
        outcome::commit_sent(operation ? operation->text() : std::string_view());
        Deadline const last = std::max(deadline, Clock::now() + least_commit_wait);
        CommitAnswer const answer = transaction.records_with_commit()
                                        ? record_and_commit(current, transaction, *operation, last)
                                    : announced ? send_commit(current, last, [] {})
                                                : current.commit(last);
        if (answer == CommitAnswer::none) {
            settle_lost(options, operation);
        } else {
            conclude(answer);
            note_announced(transaction, announced);
        }
    });
}

void Database::Impl::note_announced(Transaction const &transaction, std::optional<Pending<bool>> const &announced) {
    unannounced = unannounced || transaction.is_unannounced() || (announced && !announced->get());
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
        } catch (Error const &error) {
            // An urgent attempt is repeated instead, and a lock for one kind of work has its own words.
            bool const is_lock = error.hint().sqlstate == "55P03" && error.hint().why.empty();
            if (is_lock && present.names_holders && present.lock_patience >= named_from) {
                throw with_lock_holders(settings, error);
            }
            throw;
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

void Database::report_wait(std::string_view so_far) {
    if (!m_impl->settings.show_wait) {
        return;
    }
    if (std::string const wait = describe_wait(*this); !wait.empty()) {
        m_impl->settings.show_wait(fmt::format("{}: {}", so_far, wait));
    }
}

std::unique_ptr<Listener> Database::listen(char const *channel) {
    return std::make_unique<Listener>(m_impl->conninfo(), m_impl->settings, channel);
}

std::optional<DatabaseLabel> const &Database::label() const { return m_impl->label; }

bool Database::unannounced() const { return m_impl->unannounced; }

std::string const &Database::target() { return m_impl->conninfo().target; }

}  // namespace relay::db
