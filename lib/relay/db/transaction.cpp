#include "relay/db/transaction.hpp"

#include "relay/db/session.hpp"
#include "relay/model/error.hpp"

namespace relay::db {
namespace {

constexpr char const *record_sql = "INSERT INTO relay.operations (op_id, state) VALUES ($1, 'done')";

Error not_done(std::string_view what, std::vector<std::string> doubts) {
    return {ErrorKind::schema,
            "the database did not do what was asked: " + std::string(what) +
                " was not there when it was read back; nothing was changed",
            {.why = "a rule, a trigger, or a view or function that was changed comes in between",
             .next = advise(Act::verify_schema),
             .not_confirmed = std::move(doubts)}};
}

}  // namespace

Transaction::Transaction(Session &session) : m_session(session) {}

Transaction::~Transaction() = default;

Rows Transaction::exec(char const *sql, std::vector<Param> const &params) { return m_session.exec(sql, params); }

void Transaction::exec_while(char const *sql, std::vector<Param> const &params,
                             std::function<void()> const &meanwhile) {
    m_session.exec_while(sql, params, meanwhile);
}

void Transaction::exec_script(std::string const &sql) { m_session.exec_script(sql); }

void Transaction::forbid_writes() { exec("SET TRANSACTION READ ONLY"); }

void Transaction::set_savepoint() { exec("SAVEPOINT written_so_far"); }

void Transaction::return_to_savepoint() { exec("ROLLBACK TO SAVEPOINT written_so_far"); }

void Transaction::record_operation(OperationId const &operation) {
    require(exec(record_sql, {operation}).affected() == 1, "the record of this operation (relay.operations)");
    m_operation = operation;
}

void Transaction::confirm(bool there, std::string_view what, std::vector<std::string> doubts) {
    require(there, what, std::move(doubts));
    m_confirmed = true;
}

void Transaction::require(bool there, std::string_view what, std::vector<std::string> doubts) const {
    if (!there) {
        throw not_done(what, std::move(doubts));
    }
}

Instant Transaction::now() const { return m_session.now(); }

std::string const &Transaction::db_role() const { return m_session.db_role(); }

std::string const &Transaction::database_id() const { return m_session.database_id(); }

Link Transaction::link() const { return m_session.link(); }

}  // namespace relay::db
