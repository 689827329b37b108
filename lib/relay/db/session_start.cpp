#include "relay/db/session_impl.hpp"

#include "relay/db/session_settings.hpp"
#include "relay/version.hpp"

#include <charconv>

namespace relay::db {
namespace {

constexpr char const *names_sql = "SELECT version, name, checksum FROM relay.schema_migrations ORDER BY version";

/// Returns the numbers in an array's text form, "{1,2,3}".
std::vector<std::int64_t> read_numbers(std::string const &array) {
    std::vector<std::int64_t> numbers;
    for (std::size_t at = 0; at != std::string::npos && at + 2 < array.size(); at = array.find_first_of(",}", at + 1)) {
        std::from_chars(array.data() + at + 1, array.data() + array.size(), numbers.emplace_back());
    }
    return numbers;
}

}  // namespace

Session::Start const &Session::started() {
    check_start();
    while (!m_impl->start.is_checked) {
        read();
    }
    return m_impl->start;
}

Instant Session::now() { return started().now; }

std::string const &Session::db_role() { return started().db_role; }

std::string const &Session::database_id() { return started().database_id; }

DatabaseLabel const &Session::label() { return started().label; }

void Session::check_start() {
    Start &start = m_impl->start;
    if (start.is_checked || !start.facts || !start.facts->rows) {
        return;
    }
    start.is_checked = true;
    Rows const answer(start.facts->rows);  // a Row refers to it
    Row const facts = answer.one();
    if (facts.boolean("may_have_foreign_settings") && !m_impl->undoes_foreign_settings) {
        undo_foreign_settings();
        throw OpenAgain();
    }
    start.now = facts.instant("now");
    start.db_role = facts.text("db_role");
    start.has_schema = facts.boolean("has_schema");
    start.label = read_label(facts.optional_text("label"));
    if (start.identifies) {
        start.database_id = facts.text("identity");
    }
    if (start.checks_schema) {
        check_schema(read_numbers(facts.text("versions")));
    }
    bool const standby = facts.boolean("in_recovery");
    if (start.may_write && (standby || facts.boolean("read_only"))) {
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
    rollback();  // what was sent with the question has failed, since the schema is another one
    Rows const rows = exec(names_sql, {});
    std::vector<RecordedMigration> recorded;
    for (Row const row : rows) {
        recorded.push_back({row.integer("version"), row.text("name"), row.text("checksum")});
    }
    if (is_convertible(recorded)) {
        throw not_converted();
    }
    for (RecordedMigration const &migration : recorded) {
        if (is_renamed(migration.version, migration.name)) {
            throw made_by_unreleased_program(migration.version, migration.name);
        }
    }
    throw another_version(versions);
}

void Session::require_start() { send(require_start_sql, {schema_version(), m_impl->undoes_foreign_settings}); }

}  // namespace relay::db
