#include "relay/db/session_impl.hpp"

#include "relay/db/connection_fault.hpp"
#include "relay/db/interrupt.hpp"
#include "relay/db/rows_impl.hpp"
#include "relay/db/session_settings.hpp"
#include "relay/db/unexpected_answer.hpp"

#include <fmt/format.h>
#include <new>

namespace relay::db {
namespace {

constexpr std::string_view query_canceled = "57014";
constexpr int most_rollbacks = 20;

}  // namespace

Session::Session(Conninfo const &conninfo, Settings const &settings, Deadline deadline)
    : m_impl(std::make_unique<Impl>(conninfo, settings, deadline)) {}

Session::~Session() = default;

bool Session::usable() const noexcept {
    return PQstatus(m_impl->connection.raw()) == CONNECTION_OK &&
           PQtransactionStatus(m_impl->connection.raw()) == PQTRANS_IDLE;
}

bool Session::connected() const noexcept { return PQstatus(m_impl->connection.raw()) == CONNECTION_OK; }

bool Session::has_begun() const noexcept { return m_impl->start.settings && m_impl->start.settings->rows; }

int Session::socket() const noexcept { return PQsocket(m_impl->connection.raw()); }

Link Session::link() const {
    PGconn *const raw = m_impl->connection.raw();
    auto const text = [](char const *value) { return std::string(value == nullptr ? "" : value); };
    Link link{
        .host = text(PQhost(raw)), .port = text(PQport(raw)), .used_password = PQconnectionUsedPassword(raw) != 0};
    if (PQsslInUse(raw) != 0) {
        link.tls_version = text(PQsslAttribute(raw, "protocol"));
        link.tls_cipher = text(PQsslAttribute(raw, "cipher"));
    }
    return link;
}

void Session::fail_broken(std::string_view message) const {
    if (running::interrupted()) {
        throw Interrupted();
    }
    std::string const and_then = m_impl->start.may_write ? "; nothing was changed" : "";
    if (m_impl->watchdog.bark() == Watchdog::Bark::flooded) {
        throw endless_answer();
    }
    if (m_impl->watchdog.bark() == Watchdog::Bark::late) {
        throw Error(ErrorKind::unavailable,
                    fmt::format("the database gave no answer within {} ms{}", m_impl->timeout.count(), and_then),
                    {.next = Advice("try again").also(advise(Act::allow_more_time))});
    }
    // pqxx may have its own words, and libpq the server's last ones.
    char const *const last_words = PQerrorMessage(m_impl->connection.raw());
    Error const error = broken_connection(find_sqlstate(message).empty() ? last_words : message, m_impl->conninfo);
    throw m_impl->start.may_write ? error : Error(error.kind(), what_failed(error), error.hint());
}

void Session::fail(std::string const &sqlstate, std::string_view message) const {
    if (!connected()) {
        fail_broken(message);
    }
    if (sqlstate.empty()) {  // libpq's own error, or pqxx's
        if (message.find("out of memory") != message.npos) {
            throw std::bad_alloc();
        }
        throw unexpected_answer(message.empty() ? "no result" : message.substr(0, message.find('\n')));
    }
    if (is_retryable(sqlstate)) {
        throw RunAgain();
    }
    throw translate(sqlstate, message, m_impl->asker());
}

void Session::begin(TransactOptions const &options, Deadline deadline) {
    m_impl->deadline = deadline;
    open(options);
    while (m_impl->opens_alone && !m_impl->start.settings->rows && Watchdog::Clock::now() < deadline) {
        try {
            settle();
        } catch (RunAgain const &) {
            rollback();
            open(options);
        }
    }
    std::string facts = facts_sql;
    facts += options.check_schema ? and_versions : "";
    facts += options.identify ? and_identity : "";
    m_impl->start.facts = send(facts.c_str(), {options.durability == Durability::local});
}

void Session::undo_foreign_settings() noexcept { m_impl->undoes_foreign_settings = true; }

/// Queues BEGIN and our settings.
void Session::open(TransactOptions const &options) {
    auto const left = std::chrono::duration_cast<std::chrono::milliseconds>(m_impl->deadline - Watchdog::Clock::now());
    auto const statement_timeout = std::max(left, std::chrono::milliseconds(100));
    auto const idle_timeout = std::chrono::milliseconds(60'000);
    m_impl->before_commit.reset();
    m_impl->start =
        Start{.may_write = !options.read_only, .checks_schema = options.check_schema, .identifies = options.identify};
    send(options.one_snapshot ? begin_one_snapshot_sql : begin_sql, {});
    // Of the time for locks, a quarter is left to find out who holds one.
    m_impl->our_settings = {Param(statement_timeout.count()), Param(idle_timeout.count()),
                            Param(std::min(options.lock_patience, statement_timeout * 3 / 4).count()),
                            Param(options.wake_later ? "later" : "now")};
    m_impl->start.settings = send_settings();
}

/// Queues our settings for one transaction.
std::shared_ptr<Reply::Slot> Session::send_settings() {
    if (PQserverVersion(m_impl->connection.raw()) >= first_with_transaction_timeout) {
        send(no_transaction_timeout_sql, {});  // first: it ends the connection, and its time has begun
    }
    auto slot = send(settings_sql, m_impl->our_settings);
    if (m_impl->undoes_foreign_settings) {
        send(neutral_settings_sql, {});
    }
    return slot;
}

std::shared_ptr<Reply::Slot> Session::send(char const *sql, std::vector<Param> const &params) {
    m_impl->most_growth =
        std::max(m_impl->most_growth, Watchdog::usual_growth) + growth_for(params) - Watchdog::usual_growth;
    m_impl->newest = m_impl->pipeline.send(sql, params);
    if (!m_impl->newest) {
        fail_broken();
    }
    return m_impl->newest;
}

/// Reads the answers to the oldest message. Checks those about the start of the transaction first: what they say is the
/// cause of the errors after them.
void Session::read() {
    m_impl->watchdog.arm(socket(), m_impl->deadline, m_impl->most_growth);
    Result const error = m_impl->pipeline.read();
    m_impl->watchdog.disarm();
    m_impl->most_growth = Watchdog::usual_growth;
    if (m_impl->watchdog.bark() != Watchdog::Bark::none) {
        fail_broken();
    }
    check_start();
    if (error) {
        fail_answer(error.get());
    }
}

void Session::fail_answer(PGresult const *error) {
    std::string const sqlstate(error_field(error, PG_DIAG_SQLSTATE));
    if (sqlstate == query_canceled && m_impl->start.settings && !m_impl->start.settings->rows) {
        // Next time BEGIN and the settings go alone, which takes a tenth of the time, until they come through.
        m_impl->opens_alone = true;
        throw RunAgain();
    }
    if (m_impl->start.checks_schema && !m_impl->start.is_checked && is_missing_schema(sqlstate)) {
        throw no_schema(sqlstate);
    }
    if (sqlstate.empty() && !m_impl->pipeline.unexpected().empty()) {
        fail(sqlstate, m_impl->pipeline.unexpected());
    }
    std::string_view const said = PQresultErrorMessage(error);
    sqlstate.empty() ? fail_broken(said) : fail(sqlstate, said);
}

void Session::settle() {
    while (!m_impl->pipeline.empty()) {
        read();
    }
}

Rows Session::rows(Reply::Slot const &slot) {
    while (!slot.rows) {
        if (m_impl->pipeline.empty()) {
            throw Error(ErrorKind::internal, "a statement was not answered, because one before it failed");
        }
        read();
    }
    return Rows(slot.rows);
}

bool Session::is_read(Reply::Slot const &slot) { return slot.rows != nullptr; }

void Session::flush() {
    m_impl->watchdog.arm(socket(), m_impl->deadline);
    bool const sent = m_impl->pipeline.flush();
    m_impl->watchdog.disarm();
    if (!sent) {
        fail_broken();
    }
}

void Session::restart_deadline() noexcept { m_impl->deadline = Watchdog::Clock::now() + m_impl->timeout; }

Canceller Session::canceller() const { return Canceller(m_impl->connection.raw()); }

void Session::settle_while(std::function<void()> const &meanwhile) {
    flush();
    auto const before = Watchdog::Clock::now();
    meanwhile();
    m_impl->deadline += Watchdog::Clock::now() - before;  // the time that `meanwhile` took is not the server's
    settle();
}

/// The order of the exceptions matters: in libpqxx 6, a serialization failure is not an sql_error.
void Session::exec_script(std::string const &sql) {
    settle();
    m_impl->watchdog.arm(socket(), m_impl->deadline);
    try {
        pqxx::nontransaction(m_impl->connection.get()).exec(sql);
        m_impl->watchdog.disarm();
    } catch (pqxx::broken_connection const &error) {
        m_impl->watchdog.disarm();
        fail_broken(error.what());
    } catch (pqxx::transaction_rollback const &) {
        m_impl->watchdog.disarm();
        throw RunAgain();
    } catch (pqxx::sql_error const &error) {
        m_impl->watchdog.disarm();
        fail(find_sqlstate(error.what()), error.what());
    } catch (pqxx::failure const &) {
        m_impl->watchdog.disarm();
        fail("", "");
    }
}

void Session::rollback() noexcept {
    try {
        if (PQstatus(m_impl->connection.raw()) == CONNECTION_OK) {
            m_impl->watchdog.arm(socket(), Watchdog::Clock::now() + std::chrono::seconds(2));
            m_impl->pipeline.drain();
            // More than once, because a time-out of the database that is shorter than ours can come before it, too.
            for (int tries = 0; tries == 0 || (tries < most_rollbacks && connected() && !usable()); ++tries) {
                Result const result(PQexec(m_impl->connection.raw(), "ROLLBACK"));
            }
            m_impl->watchdog.disarm();
        }
    } catch (...) {
        // The connection is dropped next, which rolls back as well.
    }
}

}  // namespace relay::db
