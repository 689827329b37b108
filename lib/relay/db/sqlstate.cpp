#include "relay/db/sqlstate.hpp"

#include "relay/model/text.hpp"

#include <algorithm>
#include <array>
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

/// What one can do about an error of the server.
enum class Cure {
    nothing,
    grant,
    install,
    retry,
    find_lock,
    more_time,
    primary,
    apply_schema,
    verify_schema,
    make_room,
    server_log,
    report
};

/// What the errors of a class mean: the kind, the beginning of the message, and the cure. Without `says`, the server's
/// message is not shown, because ours has it all.
struct Meaning {
    std::string_view prefix;  ///< of the SQLSTATE
    ErrorKind kind;
    std::string_view text;
    Cure cure;
    bool says = true;
};

constexpr std::string_view not_now = "the database could not do it now";
constexpr std::string_view server_fault = "the database server has a fault";
constexpr std::string_view refused_values = "the database refused the values";
constexpr std::string_view not_asked = "the database does not do what was asked";
constexpr std::string_view other_schema =
    "the database has no relay schema, or not the version that this program needs";
constexpr std::string_view our_bug = "the database does not accept a statement of this program";

/// The classes of https://www.postgresql.org/docs/current/errcodes-appendix.html, as the program's exit codes. The
/// first entry that fits counts, so a code comes before its class. Only those of the last
/// group are bugs of this program. A state that is not here is a fault of the server: a newer one may have more of them.
constexpr auto meanings = std::to_array<Meaning>({
    // the login and its rights
    {"28", ErrorKind::denied, "the database refused the login", Cure::nothing},
    {"42501", ErrorKind::denied, "role {role} has no privilege to do this", Cure::grant},
    // passes, or ends with a retry
    {"55P03", ErrorKind::unavailable, "another session holds a lock that this command needs", Cure::find_lock, false},
    {"57014", ErrorKind::unavailable, "the statement took too long or was cancelled", Cure::more_time, false},
    {"25P03", ErrorKind::unavailable, not_now, Cure::more_time},
    {"25P04", ErrorKind::unavailable, not_now, Cure::more_time},
    {"25006", ErrorKind::unavailable, "the database accepts no writes now", Cure::primary},
    {"08", ErrorKind::unavailable, not_now, Cure::retry},
    {"40", ErrorKind::unavailable, not_now, Cure::retry},
    {"55006", ErrorKind::unavailable, not_now, Cure::retry},
    {"57", ErrorKind::unavailable, not_now, Cure::retry},
    // the server lacks something, or is damaged
    {"53100", ErrorKind::unavailable, not_now, Cure::make_room},
    {"53300", ErrorKind::unavailable, not_now, Cure::retry},
    {"53", ErrorKind::unavailable, not_now, Cure::server_log},
    {"54", ErrorKind::unavailable, not_now, Cure::server_log},
    {"58", ErrorKind::unavailable, server_fault, Cure::server_log},
    {"F0", ErrorKind::unavailable, server_fault, Cure::server_log},
    {"HV", ErrorKind::unavailable, server_fault, Cure::server_log},
    {"XX", ErrorKind::unavailable, server_fault, Cure::server_log},
    // the values do not fit
    {"22", ErrorKind::conflict, refused_values, Cure::nothing},
    {"23", ErrorKind::conflict, refused_values, Cure::nothing},
    // the schema is missing, or something in it was changed or added by hand
    {"42P01", ErrorKind::schema, other_schema, Cure::apply_schema},
    {"3F000", ErrorKind::schema, other_schema, Cure::apply_schema},
    {"42883", ErrorKind::schema, other_schema, Cure::apply_schema},
    {"42703", ErrorKind::schema, other_schema, Cure::apply_schema},
    {"42601", ErrorKind::internal, our_bug, Cure::report},
    {"09", ErrorKind::schema, not_asked, Cure::verify_schema},
    {"0A", ErrorKind::schema, not_asked, Cure::verify_schema},
    {"20", ErrorKind::schema, not_asked, Cure::verify_schema},
    {"21", ErrorKind::schema, not_asked, Cure::verify_schema},
    {"27", ErrorKind::schema, not_asked, Cure::verify_schema},
    {"2B", ErrorKind::schema, not_asked, Cure::verify_schema},
    {"2F", ErrorKind::schema, not_asked, Cure::verify_schema},
    {"38", ErrorKind::schema, not_asked, Cure::verify_schema},
    {"39", ErrorKind::schema, not_asked, Cure::verify_schema},
    {"42", ErrorKind::schema, not_asked, Cure::verify_schema},
    {"44", ErrorKind::schema, not_asked, Cure::verify_schema},
    {"55", ErrorKind::schema, not_asked, Cure::verify_schema},
    {"P0", ErrorKind::schema, not_asked, Cure::verify_schema},
    // bugs: a statement, or its place in the transaction, is wrong
    {"24", ErrorKind::internal, our_bug, Cure::report},
    {"25", ErrorKind::internal, our_bug, Cure::report},
    {"26", ErrorKind::internal, our_bug, Cure::report},
    {"2D", ErrorKind::internal, our_bug, Cure::report},
    {"34", ErrorKind::internal, our_bug, Cure::report},
    {"3B", ErrorKind::internal, our_bug, Cure::report},
});

constexpr Meaning any_other{"", ErrorKind::unavailable, server_fault, Cure::server_log};

Meaning const &meaning_of(std::string_view sqlstate) {
    auto const found = std::find_if(meanings.begin(), meanings.end(),
                                    [&](Meaning const &meaning) { return sqlstate.starts_with(meaning.prefix); });
    return found == meanings.end() ? any_other : *found;
}

Hint hint_of(Cure cure) {
    switch (cure) {
        case Cure::nothing: break;
        case Cure::grant:
            return {.next =
                        "GRANT relay_provisioner (everything), relay_responder (block, revoke) or relay_auditor "
                        "(read) TO the role"};
        case Cure::install:
            return {.why = "the database has no relay schema yet, and this login may not create it",
                    .next = "connect as the owner of the database with CREATEROLE, or as a superuser"};
        case Cure::retry: return {.next = "try again"};
        case Cure::find_lock:
            return {.next =
                        "try again, or look for who holds it: SELECT pid, mode, relation::regclass FROM pg_locks WHERE "
                        "granted"};
        case Cure::more_time: return {.next = Advice("try again").also(advise(Act::allow_more_time))};
        case Cure::primary:
            return {.next =
                        "connect to the primary; if the connection string names several hosts, it is found: host=a,b"};
        case Cure::apply_schema: return {.next = advise(Act::apply_schema)};
        case Cure::verify_schema:
            return {.why = "a rule, a trigger, or a changed view or function that the schema does not have interferes",
                    .next = advise(Act::verify_schema)};
        case Cure::make_room: return {.next = "make room on the disk of the database server, then try again"};
        case Cure::server_log: return {.next = "read the log of the database server, then try again"};
        case Cure::report: return {.next = "please report this as a bug"};
    }
    return {};
}

std::string with_role(std::string_view text, std::string_view role) {
    constexpr std::string_view place = "{role}";
    std::string filled(text);
    if (auto const at = filled.find(place); at != std::string::npos) {
        filled.replace(at, place.size(), escape_for_terminal(role));
    }
    return filled;
}

}  // namespace

std::string find_sqlstate(std::string_view message) {
    auto const at = sqlstate_position(message);
    return at != std::string_view::npos ? std::string(message.substr(at, 5)) : std::string();
}

bool is_retryable(std::string_view sqlstate) { return sqlstate == "40001" || sqlstate == "40P01"; }

bool leaves_commit_open(std::string_view sqlstate) {
    return sqlstate.empty() || sqlstate.starts_with("08") || sqlstate.starts_with("57P") || sqlstate == "40003";
}

bool ends_session(std::string_view sqlstate) {
    return sqlstate == "25P03" || sqlstate == "25P04" || sqlstate == "57P05";
}

bool is_failed_notify(std::string_view sqlstate, std::string_view detail) {
    return sqlstate == "54000" || sqlstate == "55P03" || detail.find("pg_notify/") != std::string_view::npos;
}

bool refuses_rows(std::string_view sqlstate) {
    constexpr auto classes = std::to_array<std::string_view>({"09", "21", "22", "23", "27", "38", "39", "44", "P0"});
    return std::any_of(classes.begin(), classes.end(), [&](auto prefix) { return sqlstate.starts_with(prefix); });
}

Error effect_missing(std::string_view what, std::vector<std::string> doubts) {
    return {ErrorKind::schema,
            "the database did not do what was asked: " + std::string(what) +
                " was not there when it was read back; nothing was changed",
            {.why = "a rule, a trigger, or a changed view or function interferes",
             .next = advise(Act::verify_schema),
             .not_confirmed = std::move(doubts)}};
}

Error translate(std::string_view sqlstate, std::string_view message, Asker const &asker) {
    if (sqlstate == effect_missing_state) {
        return effect_missing(primary_message(message));
    }
    Meaning const &meaning = meaning_of(sqlstate);
    bool const no_groups = meaning.cure == Cure::grant && !asker.has_schema;
    Hint hint = hint_of(no_groups ? Cure::install : meaning.cure);
    hint.sqlstate = sqlstate;
    // Not of a row that this login may not write ("new row violates row-level security policy").
    if (sqlstate == "42501" && primary_message(message).find("affected by row-level security") != std::string::npos) {
        return {ErrorKind::denied,
                "row level security would hide rows from role " + escape_for_terminal(asker.role) + ": " +
                    primary_message(message),
                {.next = "use a login that sees all rows: the owner of the table, or one with BYPASSRLS",
                 .sqlstate = std::string(sqlstate)}};
    }
    std::string text = with_role(meaning.text, asker.role);
    text += meaning.says ? ": " + primary_message(message) : "";
    return {meaning.kind, text + (asker.writes ? "; nothing was changed" : ""), std::move(hint)};
}

}  // namespace relay::db
