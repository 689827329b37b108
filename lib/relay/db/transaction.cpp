#include "relay/db/transaction.hpp"

#include "relay/db/session.hpp"
#include "relay/db/sqlstate.hpp"
#include "relay/model/error.hpp"

namespace relay::db {
namespace {

constexpr char const *record_sql = "INSERT INTO relay.operations (op_id, state) VALUES ($1, 'done')";

constexpr char const *record_if_written_sql = R"sql(
INSERT INTO relay.operations (op_id, state) SELECT $1, 'done' WHERE pg_current_xact_id_if_assigned() IS NOT NULL)sql";

constexpr char const *announced_sql = "SELECT relay.has_announced() AS announced";

constexpr char const *require_sql = "SELECT relay.require_operation($1)";

}  // namespace

Rows Reply::rows() const { return m_transaction->rows(*m_slot); }

Transaction::Transaction(Session &session) : m_session(session) {}

Transaction::~Transaction() = default;

Rows Transaction::exec(char const *sql, std::vector<Param> const &params) { return send(sql, params).rows(); }

Reply Transaction::send(char const *sql, std::vector<Param> const &params) {
    return {*this, m_session.send(sql, params)};
}

void Transaction::send(char const *sql, std::vector<Param> const &params, std::function<void(Rows const &)> check) {
    m_checks.push_back({send(sql, params), std::move(check)});
}

Rows Transaction::rows(Reply::Slot const &slot) {
    Rows rows = m_session.rows(slot);
    run_checks();
    return rows;
}

void Transaction::settle() {
    m_session.settle();
    run_checks();
}

void Transaction::settle_while(std::function<void()> const &meanwhile) {
    m_session.settle_while(meanwhile);
    run_checks();
}

/// In the order of the statements, for those whose replies are there.
void Transaction::run_checks() {
    while (!m_checks.empty() && m_session.is_read(*m_checks.front().reply.m_slot)) {
        Check const next = std::move(m_checks.front());
        m_checks.pop_front();
        next.check(m_session.rows(*next.reply.m_slot));
    }
}

void Transaction::exec_script(std::string const &sql) { m_session.exec_script(sql); }

void Transaction::forbid_writes() { send("SET TRANSACTION READ ONLY"); }

void Transaction::set_savepoint() { send("SAVEPOINT written_so_far"); }

void Transaction::return_to_savepoint() { send("ROLLBACK TO SAVEPOINT written_so_far"); }

void Transaction::record_operation(OperationId const &operation) {
    send(record_sql, {operation}, [this](Rows const &rows) {
        require(rows.affected() == 1, "the record of this operation (relay.operations)");
    });
    m_operation = operation;
}

void Transaction::record_operation_if_written(OperationId const &operation) {
    m_record = send(record_if_written_sql, {operation});
    send(require_sql, {operation});
    m_operation = operation;
}

void Transaction::record_operation_with_commit(OperationId const &operation) {
    m_operation = operation;
    m_records_with_commit = true;
}

bool Transaction::has_written() const { return m_record && m_record->rows().affected() == 1; }

void Transaction::confirm(bool there, std::string_view what, std::vector<std::string> doubts) {
    require(there, what, std::move(doubts));
    m_confirmed = true;
}

void Transaction::require(bool there, std::string_view what, std::vector<std::string> doubts) const {
    if (!there) {
        throw effect_missing(what, std::move(doubts));
    }
}

Pending<bool> Transaction::ask_announced() {
    return ask(announced_sql, {}, [](Rows const &rows) { return rows.one().boolean("announced"); });
}

Instant Transaction::now() const { return m_session.now(); }

std::string const &Transaction::db_role() const { return m_session.db_role(); }

std::string const &Transaction::database_id() const { return m_session.database_id(); }

Link Transaction::link() const { return m_session.link(); }

}  // namespace relay::db
