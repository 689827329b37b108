#include "relay/db/session.hpp"

#include "relay/db/interrupt.hpp"
#include "relay/db/libpq_params.hpp"
#include "relay/db/libpq_result.hpp"
#include "relay/db/other_schema.hpp"
#include "relay/db/pqxx_connection.hpp"
#include "relay/db/rows_impl.hpp"
#include "relay/db/sqlstate.hpp"
#include "relay/db/unexpected_answer.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

namespace relay::db {
namespace {

/// First of all our own time-outs. Until then those of the role or the database apply.
constexpr std::string_view begin_sql = R"sql(BEGIN ISOLATION LEVEL {isolation};
SET LOCAL statement_timeout = {statement_timeout};
SET LOCAL idle_in_transaction_session_timeout = {idle_timeout};)sql";

constexpr std::string_view no_transaction_timeout_sql = "\nSET LOCAL transaction_timeout = 0;";
constexpr int first_with_transaction_timeout = 170'000;

/// Statements use qualified names and text values, so that settings of the role, database or pooler do not affect
/// them. These are the settings that still would. SET LOCAL, because through a transaction pooler, a session setting
/// would reach the next client.
constexpr std::string_view settings_sql = R"sql(
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL timezone = 'UTC';
SET LOCAL datestyle = 'ISO, YMD';
SET LOCAL standard_conforming_strings = on;
SET LOCAL lock_timeout = {lock_timeout};
SET LOCAL relay.wake = '{wake}';
SELECT set_config('synchronous_commit', {synchronous_commit}, true),
       pg_is_in_recovery() AS in_recovery, current_setting('transaction_read_only') = 'on' AS read_only,
       session_user AS db_role, now() AS now, {versions} AS versions, {identity} AS identity)sql";

// Uses the database's name, not its oid as in relay.feed_history: the first read of another catalog costs 1 ms.
constexpr char const *identity_sql =
    "(SELECT left(md5(system_identifier || '/' || current_database()), 8) FROM pg_control_system())";

constexpr char const *standard_commit =
    "CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' "
    "ELSE current_setting('synchronous_commit') END";

constexpr std::string_view query_canceled = "57014";

constexpr char const *names_sql = "SELECT version, name FROM relay.schema_migrations ORDER BY version";

struct Opening {
    std::string begin;
    std::string settings;
};

Opening opening_statements(TransactOptions const &options, std::chrono::milliseconds statement_timeout,
                           int server_version) {
    std::string begin =
        fmt::format(begin_sql, fmt::arg("isolation", options.one_snapshot ? "REPEATABLE READ" : "READ COMMITTED"),
                    fmt::arg("statement_timeout", statement_timeout.count()),
                    fmt::arg("idle_timeout", (std::chrono::milliseconds(60'000) + options.busy_elsewhere).count()));
    if (server_version >= first_with_transaction_timeout) {
        begin += no_transaction_timeout_sql;
    }
    std::string settings = fmt::format(
        settings_sql, fmt::arg("lock_timeout", std::min(options.lock_patience, statement_timeout).count()),
        fmt::arg("wake", options.wake_later ? "later" : "now"),
        fmt::arg("synchronous_commit", options.durability == Durability::local ? "'local'" : standard_commit),
        // An array of all versions costs a third of two aggregates, which a new connection would have to look up
        // first.
        fmt::arg("versions", options.check_schema ? "ARRAY(SELECT version FROM relay.schema_migrations)" : "NULL"),
        fmt::arg("identity", options.identify ? identity_sql : "NULL"));
    return {.begin = std::move(begin), .settings = std::move(settings)};
}

/// Returns the numbers in an array's text form, "{1,2,3}".
std::vector<std::int64_t> read_numbers(std::string const &array) {
    std::vector<std::int64_t> numbers;
    for (std::size_t at = 0; at != std::string::npos && at + 2 < array.size(); at = array.find_first_of(",}", at + 1)) {
        std::from_chars(array.data() + at + 1, array.data() + array.size(), numbers.emplace_back());
    }
    return numbers;
}

}  // namespace

struct Session::Impl {
    Impl(Conninfo const &conninfo, Settings const &settings, Deadline until)
        : connection(db::connect(conninfo, settings, until, watchdog)), timeout(settings.timeout) {
        // A WARNING during COMMIT means that the wait for a standby was ended; other notices are ignored.
        PQsetNoticeReceiver(
            connection.raw(),
            [](void *self, PGresult const *notice) {
                static_cast<Impl *>(self)->warned = static_cast<Impl *>(self)->warned || is_warning(notice);
            },
            this);
    }

    /// Returns the role that the server knows us as.
    char const *role() const {
        char const *const user = PQuser(connection.raw());
        return user != nullptr ? user : "";
    }

    Watchdog watchdog{};
    PqxxConnection connection;
    std::optional<pqxx::nontransaction> work{};  // BEGIN and COMMIT are ours
    bool any_size = false;
    std::chrono::milliseconds timeout;
    Deadline deadline{};
    bool warned = false;
    std::optional<Error> commit_error{};
};

Session::Session(Conninfo const &conninfo, Settings const &settings, Deadline deadline)
    : m_impl(std::make_unique<Impl>(conninfo, settings, deadline)) {}

Session::~Session() {
    // Shut the socket down, so that PQfinish returns immediately: a silent server must not delay the exit.
    m_impl->work.reset();
}

bool Session::usable() const noexcept {
    return PQstatus(m_impl->connection.raw()) == CONNECTION_OK &&
           PQtransactionStatus(m_impl->connection.raw()) == PQTRANS_IDLE;
}

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

bool Session::warned() const noexcept { return m_impl->warned; }

Error const &Session::commit_error() const { return *m_impl->commit_error; }

void Session::fail_broken() const {
    if (running::interrupted()) {
        throw Interrupted();
    }
    if (m_impl->watchdog.bark() == Watchdog::Bark::flooded) {
        throw endless_answer();
    }
    if (m_impl->watchdog.bark() == Watchdog::Bark::late) {
        throw Error(
            ErrorKind::unavailable,
            fmt::format("the database gave no answer within {} ms; nothing was changed", m_impl->timeout.count()),
            {.next = Advice("try again").also(advise(Act::allow_more_time))});
    }
    throw Error(ErrorKind::unavailable, "the connection to the database broke; nothing was changed",
                {.next = "try again"});
}

void Session::fail(std::string const &sqlstate, std::string_view message) const {
    if (PQstatus(m_impl->connection.raw()) != CONNECTION_OK) {
        fail_broken();
    }
    if (sqlstate.empty()) {  // libpq's own error, or pqxx's
        throw unexpected_answer(message.empty() ? "no result" : message.substr(0, message.find('\n')));
    }
    if (is_retryable(sqlstate)) {
        throw RunAgain();
    }
    throw translate(sqlstate, message, m_impl->role());
}

/// Runs `work` under the watchdog and translates what pqxx throws. The order matters: in libpqxx 6, a serialization
/// failure is not an sql_error.
template <typename Work>
auto Session::guarded(Work const &work, std::size_t most_growth) {
    m_impl->watchdog.arm(socket(), m_impl->deadline, m_impl->any_size ? Watchdog::any_growth : most_growth);
    try {
        auto result = work();
        m_impl->watchdog.disarm();
        if (m_impl->watchdog.bark() != Watchdog::Bark::none) {
            fail_broken();
        }
        if (PQtransactionStatus(m_impl->connection.raw()) == PQTRANS_ACTIVE) {
            throw unexpected_answer("the start of a COPY");
        }
        return result;
    } catch (pqxx::broken_connection const &) {
        m_impl->watchdog.disarm();
        fail_broken();
    } catch (pqxx::transaction_rollback const &) {
        m_impl->watchdog.disarm();
        throw RunAgain();
    } catch (pqxx::sql_error const &error) {
        m_impl->watchdog.disarm();
        fail(find_sqlstate(error.what()), error.what());
    } catch (pqxx::failure const &) {
        m_impl->watchdog.disarm();
        fail("", "");
    } catch (pqxx::internal_error const &) {
        m_impl->watchdog.disarm();
        fail("", "a result of another kind");
    }
}

void Session::begin(TransactOptions const &options, Deadline deadline) {
    m_impl->deadline = deadline;
    m_impl->any_size = options.any_size;
    auto const left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Watchdog::Clock::now()) -
                      options.busy_elsewhere;
    auto const statement_timeout = std::max(left, std::chrono::milliseconds(100));
    Opening const opening = opening_statements(options, statement_timeout, PQserverVersion(m_impl->connection.raw()));
    check_start(options, open(opening.begin, opening.settings));
}

/// Sends both together. A time-out of the role or the database, 1 ms for example, can end that before ours is set; then
/// sends `begin` alone, which takes a tenth of the time, until it comes through: nothing has been done yet.
Rows Session::open(std::string const &begin, std::string const &settings) {
    auto const run = [&](std::string const &statement) {
        return guarded([&] {
            if (!m_impl->work) {
                // Inside `guarded`, because it throws if the connection broke since the last transaction.
                m_impl->work.emplace(m_impl->connection.get());
            }
            return Rows(std::make_shared<Rows::Impl>(Rows::Impl{m_impl->work->exec(statement)}));
        });
    };
    auto const retry_if_cancelled = [&](Error const &error) {
        if (error.hint().sqlstate != query_canceled || Watchdog::Clock::now() >= m_impl->deadline) {
            throw;
        }
        rollback();
    };
    try {
        return run(begin + settings);
    } catch (Error const &error) {
        retry_if_cancelled(error);
    }
    for (bool is_open = false; !is_open;) {
        try {
            run(begin);
            is_open = true;
        } catch (Error const &error) {
            retry_if_cancelled(error);
        }
    }
    return run(settings);
}

void Session::check_start(TransactOptions const &options, Rows const &rows) {
    Row const row = rows.one();
    m_now = row.instant("now");
    m_db_role = row.text("db_role");
    m_database_id = row.optional_text("identity").value_or("");
    if (options.check_schema) {
        check_schema(read_numbers(row.text("versions")));
    }
    if (!options.read_only && (row.boolean("in_recovery") || row.boolean("read_only"))) {
        bool const standby = row.boolean("in_recovery");
        throw Error(
            ErrorKind::unavailable,
            standby ? "the database is a standby, which accepts no writes; nothing was changed"
                    : "the session is read-only (default_transaction_read_only); nothing was changed",
            {.next = standby
                         ? "connect to the primary; if the connection string names several hosts, it is found: host=a,b"
                         : "connect as a role, or to a database, that may write"});
    }
}

void Session::check_schema(std::vector<std::int64_t> const &versions) {
    if (is_our_schema(versions)) {
        return;
    }
    Rows const record = exec(names_sql, {});
    for (Row const row : record) {
        if (is_renamed(row.integer("version"), row.text("name"))) {
            throw made_by_unreleased_program(row.integer("version"), row.text("name"));
        }
    }
    throw another_version(versions);
}

Rows Session::exec(char const *sql, std::vector<Param> const &params) {
    [[maybe_unused]] std::vector<char const *> const values = libpq_values(params);
    return guarded(
        [&] {
#if PQXX_VERSION_MAJOR >= 7
            pqxx::params texts;
            for (Param const &param : params) {
                texts.append(param.text());
            }
            return Rows(std::make_shared<Rows::Impl>(Rows::Impl{m_impl->work->exec_params(sql, texts)}));
#else
            return Rows(std::make_shared<Rows::Impl>(
                Rows::Impl{m_impl->work->exec_params(sql, pqxx::prepare::make_dynamic_params(values))}));
#endif
        },
        growth_for(params));
}

void Session::exec_while(char const *sql, std::vector<Param> const &params, std::function<void()> const &meanwhile) {
    std::vector<char const *> const values = libpq_values(params);
    PGconn *const raw = m_impl->connection.raw();
    m_impl->watchdog.arm(socket(), m_impl->deadline);
    bool const sent =
        PQsendQueryParams(raw, sql, static_cast<int>(values.size()), nullptr, values.data(), nullptr, nullptr, 0) == 1;
    m_impl->watchdog.disarm();
    if (!sent) {
        fail_broken();
    }
    auto const before = Watchdog::Clock::now();
    meanwhile();
    // The time that `meanwhile` took is not the server's.
    m_impl->watchdog.arm(socket(), m_impl->deadline + (Watchdog::Clock::now() - before), growth_for(params));
    Result answer;
    while (Result next{PQgetResult(raw)}) {
        answer = std::move(next);
        if (is_copy(answer.get())) {
            break;  // libpq would give it again and again
        }
    }
    m_impl->watchdog.disarm();
    auto const status = PQresultStatus(answer.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        fail(std::string(error_field(answer.get(), PG_DIAG_SQLSTATE)),
             error_field(answer.get(), PG_DIAG_MESSAGE_PRIMARY));
    }
}

void Session::exec_script(std::string const &sql) {
    guarded([&] { return m_impl->work->exec(sql); });
}

CommitAnswer Session::commit(Deadline deadline) noexcept {
    running::commit_sent();
    try {
        m_impl->warned = false;
        m_impl->watchdog.arm(socket(), deadline);
        Result const result(PQexec(m_impl->connection.raw(), "COMMIT"));
        m_impl->watchdog.disarm();
        m_impl->work.reset();
        if (PQresultStatus(result.get()) == PGRES_COMMAND_OK) {
            std::string_view const tag = PQcmdStatus(result.get());
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
        std::string const sqlstate(error_field(result.get(), PG_DIAG_SQLSTATE));
        if (is_retryable(sqlstate)) {
            return CommitAnswer::run_again;
        }
        if (leaves_commit_open(sqlstate)) {
            return CommitAnswer::none;
        }
        m_impl->commit_error.emplace(
            translate(sqlstate, error_field(result.get(), PG_DIAG_MESSAGE_PRIMARY), m_impl->role()));
        return is_failed_notify(sqlstate, error_field(result.get(), PG_DIAG_MESSAGE_DETAIL))
                   ? CommitAnswer::wake_up_refused
                   : CommitAnswer::rolled_back;
    } catch (...) {
        return CommitAnswer::none;
    }
}

void Session::rollback() noexcept {
    try {
        if (PQstatus(m_impl->connection.raw()) == CONNECTION_OK) {
            m_impl->watchdog.arm(socket(), Watchdog::Clock::now() + std::chrono::seconds(2));
            Result const result(PQexec(m_impl->connection.raw(), "ROLLBACK"));
            m_impl->watchdog.disarm();
        }
        m_impl->work.reset();
    } catch (...) {
        // The connection is dropped next, which rolls back as well.
    }
}

}  // namespace relay::db
