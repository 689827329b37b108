#include "relay/db/session_impl.hpp"

#include "relay/db/interrupt.hpp"
#include "relay/db/rows_impl.hpp"
#include "relay/db/session_settings.hpp"

#include <new>

namespace relay::db {

bool Session::warned() const noexcept { return m_impl->warned; }

Error const &Session::commit_error() const { return *m_impl->commit_error; }

CommitAnswer Session::commit(Deadline deadline) noexcept {
    running::commit_sent();
    try {
        m_impl->warned = false;
        m_impl->watchdog.arm(socket(), deadline);
        Result const result(PQexec(m_impl->connection.raw(), "COMMIT"));
        m_impl->watchdog.disarm();
        return answer_of(result.get());
    } catch (...) {
        return CommitAnswer::none;
    }
}

/// Judges the server's answer to COMMIT.
CommitAnswer Session::answer_of(PGresult const *result) {
    if (PQresultStatus(result) == PGRES_COMMAND_OK) {
        std::string_view const tag = PQcmdStatus(const_cast<PGresult *>(result));
        if (tag != "COMMIT" && tag != "ROLLBACK") {
            return CommitAnswer::none;
        }
        if (tag == "ROLLBACK") {
            m_impl->commit_error.emplace(ErrorKind::internal,
                                         "the transaction had failed before its COMMIT; nothing was changed");
            return CommitAnswer::rolled_back;
        }
        return m_impl->warned ? CommitAnswer::only_locally : CommitAnswer::committed;
    }
    std::string const sqlstate(error_field(result, PG_DIAG_SQLSTATE));
    if (is_retryable(sqlstate)) {
        return CommitAnswer::run_again;
    }
    if (leaves_commit_open(sqlstate)) {
        return CommitAnswer::none;
    }
    m_impl->commit_error.emplace(translate(sqlstate, error_field(result, PG_DIAG_MESSAGE_PRIMARY), m_impl->asker()));
    return is_failed_notify(sqlstate, error_field(result, PG_DIAG_MESSAGE_DETAIL)) ? CommitAnswer::wake_up_refused
                                                                                   : CommitAnswer::rolled_back;
}

void Session::queue_commit() {
    m_impl->before_commit = m_impl->newest;
    m_impl->warned = false;
    running::commit_sent();
    m_impl->commit = send("COMMIT", {});
    flush();
}

CommitAnswer Session::read_commit(Deadline deadline) {
    Result error;
    if (m_impl->pipeline.empty()) {
        return CommitAnswer::none;  // the connection broke while it was sent
    }
    try {
        m_impl->watchdog.arm(socket(), deadline, m_impl->most_growth);
        error = m_impl->pipeline.read();
        m_impl->watchdog.disarm();
        m_impl->most_growth = Watchdog::usual_growth;
        std::string_view const sqlstate = error ? error_field(error.get(), PG_DIAG_SQLSTATE) : std::string_view();
        // Only the server itself ends a session for these causes, and it answers in order: it never came to the COMMIT.
        bool const ended_before = error && !m_impl->before_commit->rows && ends_session(sqlstate);
        bool const heard = connected() && m_impl->watchdog.bark() == Watchdog::Bark::none;
        if (!ended_before && (!heard || (error && sqlstate.empty()))) {
            return CommitAnswer::none;
        }
        if (m_impl->before_commit->rows) {
            // Needs no memory, so that a COMMIT which succeeded is known to have. started() checks the start later.
            CommitAnswer const answer = answer_of(error ? error.get() : m_impl->commit->rows->result.get());
            m_impl->start.may_write = false;  // what fails from now on was only reading
            return answer;
        }
    } catch (std::bad_alloc const &) {
        return CommitAnswer::none;
    }
    check_start();
    fail_answer(error.get());
}

void Session::begin_reading() {
    send(begin_reading_sql, {});
    send_settings();
}

/// Ends the message. A pooler takes the server away from us at the end of the one before, unless this one is there.
void Session::end_reading() {
    send("ROLLBACK", {});
    flush();
}

void Session::finish_reading() {
    settle();
    if (!usable()) {
        rollback();
    }
}

}  // namespace relay::db
