#include "relay/db/sqlstate.hpp"

#include "relay/model/text.hpp"

#include <algorithm>
#include <cctype>

namespace relay::db {
namespace {

/// Returns the position of the SQLSTATE in a verbose message, between "ERROR:  " and ": "; npos if there is none.
std::size_t sqlstate_position(std::string_view message) {
    auto const is_code_character = [](unsigned char c) { return std::isdigit(c) || std::isupper(c); };
    for (std::size_t at = message.find(":  "); at != std::string_view::npos; at = message.find(":  ", at + 1)) {
        std::string_view const code = message.substr(at + 3, 5);
        if (code.size() == 5 && message.substr(at + 8, 2) == ": " &&
            std::all_of(code.begin(), code.end(), is_code_character)) {
            return at + 3;
        }
    }
    return std::string_view::npos;
}

/// Returns the first line without severity and code. DETAIL, HINT and CONTEXT follow on separate lines and may have
/// values.
std::string primary_message(std::string_view message) {
    std::string_view line = message.substr(0, message.find('\n'));
    if (auto const at = sqlstate_position(line); at != std::string_view::npos) {
        line.remove_prefix(at + 7);
    }
    return escape_for_terminal(line);
}

bool in_class(std::string_view sqlstate, std::string_view prefix) { return sqlstate.starts_with(prefix); }

}  // namespace

std::string find_sqlstate(std::string_view message) {
    auto const at = sqlstate_position(message);
    return at != std::string_view::npos ? std::string(message.substr(at, 5)) : std::string();
}

bool is_retryable(std::string_view sqlstate) { return sqlstate == "40001" || sqlstate == "40P01"; }

bool leaves_commit_open(std::string_view sqlstate) {
    return sqlstate.empty() || in_class(sqlstate, "08") || in_class(sqlstate, "57P") || sqlstate == "40003";
}

bool ends_session(std::string_view sqlstate) {
    return sqlstate == "25P03" || sqlstate == "25P04" || sqlstate == "57P05";
}

bool is_failed_notify(std::string_view sqlstate, std::string_view detail) {
    return sqlstate == "54000" || sqlstate == "55P03" || detail.find("pg_notify/") != std::string_view::npos;
}

Error translate(std::string_view sqlstate, std::string_view message, std::string_view role) {
    std::string const state(sqlstate);
    std::string const said = primary_message(message);
    if (in_class(sqlstate, "28")) {
        return {ErrorKind::denied, "the database refused the login: " + said, {.sqlstate = state}};
    }
    if (sqlstate == "42501" && said.find("row-level security") != said.npos) {
        return {ErrorKind::denied,
                "row level security would hide rows from role " + escape_for_terminal(role) + ": " + said,
                {.next = "use a login that sees all rows: the owner of the table, or one with BYPASSRLS",
                 .sqlstate = state}};
    }
    if (sqlstate == "42501") {
        return {ErrorKind::denied,
                "role " + escape_for_terminal(role) + " has no privilege to do this: " + said,
                {.next = "GRANT relay_provisioner (everything), relay_responder (block, revoke) or relay_auditor "
                         "(read) TO the role",
                 .sqlstate = state}};
    }
    if (sqlstate == "55P03") {
        return {
            ErrorKind::unavailable,
            "another session holds a lock that this command needs; nothing was changed",
            {.next = "try again, or see who holds it: SELECT * FROM pg_locks WHERE NOT granted", .sqlstate = state}};
    }
    if (sqlstate == "57014") {
        return {ErrorKind::unavailable,
                "the statement took too long or was cancelled; nothing was changed",
                {.next = Advice("try again").also(advise(Act::allow_more_time)), .sqlstate = state}};
    }
    if (sqlstate == "25006") {
        return {ErrorKind::unavailable,
                "the database accepts no writes now: " + said,
                {.next = "connect to the primary; if the connection string names several hosts, it is found: host=a,b",
                 .sqlstate = state}};
    }
    if (sqlstate == "42P01" || sqlstate == "3F000" || sqlstate == "42883" || sqlstate == "42703") {
        return {ErrorKind::schema,
                "the database has no relay schema, or not the version that this program needs: " + said,
                {.next = advise(Act::apply_schema), .sqlstate = state}};
    }
    if (sqlstate == "0A000") {
        return {ErrorKind::schema,
                "the database does not do what was asked: " + said + "; nothing was changed",
                {.why = "a rule that the schema does not have interferes",
                 .next = advise(Act::verify_schema),
                 .sqlstate = state}};
    }
    if (in_class(sqlstate, "23")) {
        return {ErrorKind::conflict, "the database refused the values: " + said, {.sqlstate = state}};
    }
    if (in_class(sqlstate, "08") || in_class(sqlstate, "53") || sqlstate == "54000" || in_class(sqlstate, "57P") ||
        is_retryable(sqlstate)) {
        return {ErrorKind::unavailable,
                "the database could not do it now: " + said + "; nothing was changed",
                {.next = "try again", .sqlstate = state}};
    }
    return {ErrorKind::internal, "the database reported an error: " + said, {.sqlstate = state}};
}

}  // namespace relay::db
