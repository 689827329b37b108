#include "relay/db/database_impl.hpp"

#include "relay/model/outcome.hpp"

#include <new>

namespace relay::db {
namespace {

constexpr auto operation_sql = "SELECT at FROM relay.operations WHERE op_id = $1";

}  // namespace

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
            note_announced(transaction);
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
    note_announced(transaction);
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

}  // namespace relay::db
