#include "relay/db/connection_fault.hpp"

#include "relay/db/connection_rules.hpp"
#include "relay/db/password_file.hpp"
#include "relay/model/text.hpp"

#include <algorithm>

namespace relay::db {
namespace {

constexpr std::string_view nothing_changed = "; nothing was changed";

/// Returns an SQL identifier, quoted only if it must be.
std::string sql_name(std::string const &name) {
    bool const is_plain = name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos &&
                          !name.empty() && (name[0] < '0' || name[0] > '9');
    std::string quoted;
    for (char const c : name) {
        quoted += c == '"' ? "\"\"" : std::string(1, c);
    }
    return is_plain ? name : '"' + quoted + '"';
}

/// Returns createdb's command for the server of `conninfo`.
Advice how_to_create_database(Conninfo const &conninfo) {
    std::vector<std::string> words{"createdb"};
    for (auto const &[flag, value] :
         {std::pair("-h", conninfo.host), std::pair("-p", conninfo.port), std::pair("-U", conninfo.user)}) {
        if (!value.empty()) {
            words.insert(words.end(), {flag, value});
        }
    }
    if (conninfo.database.starts_with('-')) {
        words.emplace_back("--");
    }
    words.push_back(conninfo.database);
    return make_advice({.kind = Step::Kind::tool, .words = std::move(words)}).also(advise(Act::initialize));
}

std::string tls_reason(Conninfo const &conninfo) {
    return conninfo.mode_is_ours
               ? "over TCP to another host, the server must prove its identity (sslmode=" + conninfo.sslmode + ")"
               : "the connection asks for sslmode=" + conninfo.sslmode;
}

/// Fills in {database}, {user} and {tls}.
std::string filled(std::string_view pattern, Conninfo const &conninfo) {
    std::string text(pattern);
    auto const fill = [&](std::string_view placeholder, std::string const &value) {
        if (std::size_t const at = text.find(placeholder); at != std::string::npos) {
            text.replace(at, placeholder.size(), value);
        }
    };
    fill("{tls}", tls_reason(conninfo));
    fill("{database}", sql_name(conninfo.database));
    fill("{user}", sql_name(conninfo.user));
    return text;
}

bool ignores_password_file(Conninfo const &conninfo) {
    return find_password_file_fault(conninfo.passfile) == PasswordFileFault::open_to_others;
}

std::string why_of(ConnectionRule const &rule, Conninfo const &conninfo) {
    if (rule.remedy == Remedy::supply_password && ignores_password_file(conninfo)) {
        return "libpq ignores the password file " + escape_for_terminal(conninfo.passfile) +
               ", because its mode gives access to others";
    }
    return filled(rule.why, conninfo);
}

Advice advice_of(ConnectionRule const &rule, Conninfo const &conninfo) {
    switch (rule.remedy) {
        case Remedy::words: return filled(rule.next, conninfo);
        case Remedy::check_login: return advise(Act::check_login);
        case Remedy::supply_password:
            return ignores_password_file(conninfo)
                       ? make_advice({.kind = Step::Kind::tool, .words = {"chmod", "600", conninfo.passfile}})
                       : advise(Act::check_login);
        case Remedy::create_database: return how_to_create_database(conninfo);
        case Remedy::try_again: return "try again";
        case Remedy::reach_server: break;
    }
    return {};
}

/// Returns "a:5432: no route; b:5432: no TLS" for several hosts, and otherwise the words alone. A socket is named
/// anyway, because the target shows only its folder.
std::string words_of(std::vector<ConnectionFault> const &faults, Conninfo const &conninfo) {
    std::string text;
    for (ConnectionFault const &fault : faults) {
        bool const name_it = conninfo.hosts > 1 || faults.size() > 1 || fault.attempt.place.starts_with("socket ");
        std::string const one =
            (name_it && !fault.attempt.place.empty() ? fault.attempt.place + ": " : "") + fault.attempt.words;
        if (text.find(one) == std::string::npos) {
            text += (text.empty() ? "" : "; ") + one;
        }
    }
    return text;
}

std::string message_of(ErrorKind kind, std::string const &words, Conninfo const &conninfo) {
    switch (kind) {
        case ErrorKind::denied: return "the database " + conninfo.target + " refused the login: " + words;
        case ErrorKind::usage: return "cannot use the database " + conninfo.target + ": " + words;
        default: break;
    }
    return "cannot reach the database " + conninfo.target + ": " + words + std::string(nothing_changed);
}

bool may_pass(ConnectionFault const &fault) { return fault.kind == ErrorKind::unavailable; }

}  // namespace

ConnectionFault explain(Attempt const &attempt, Conninfo const &conninfo) {
    ConnectionRule const &rule = find_rule(attempt);
    return {.attempt = attempt,
            .kind = rule.kind,
            .is_for_all_hosts = rule.reach == Reach::all_hosts,
            .why = why_of(rule, conninfo),
            .next = advice_of(rule, conninfo)};
}

ConnectionFault explain(std::string_view message, Conninfo const &conninfo) {
    std::vector<Attempt> attempts = read_attempts(message);
    if (attempts.empty()) {
        attempts.push_back({.words = "the connection ended without a reason"});
    }
    std::vector<ConnectionFault> faults;
    for (Attempt const &attempt : attempts) {
        faults.push_back(explain(attempt, conninfo));
    }
    auto const for_all = std::find_if(faults.begin(), faults.end(), [](auto const &f) { return f.is_for_all_hosts; });
    auto const passing = std::find_if(faults.begin(), faults.end(), may_pass);
    return for_all != faults.end() ? *for_all : passing != faults.end() ? *passing : faults.front();
}

Error connection_error(std::vector<ConnectionFault> const &faults, Conninfo const &conninfo,
                       Advice const &unreachable_next) {
    // One that may pass decides; its advice comes first.
    std::vector<ConnectionFault> sorted = faults;
    std::stable_partition(sorted.begin(), sorted.end(), may_pass);
    ConnectionFault const &main = sorted.front();
    Hint hint{.sqlstate = main.attempt.sqlstate};
    for (ConnectionFault const &fault : sorted) {
        if (hint.why.find(fault.why) == std::string::npos) {
            hint.why += (hint.why.empty() ? "" : "; ") + fault.why;
        }
        Advice const &next = fault.next.empty() ? unreachable_next : fault.next;
        for (Step const &step : next.steps()) {
            auto const &have = hint.next.steps();
            if (std::find(have.begin(), have.end(), step) == have.end()) {
                std::move(hint.next).also(make_advice(step));
            }
        }
    }
    return {main.kind, message_of(main.kind, words_of(faults, conninfo), conninfo), std::move(hint)};
}

Error broken_connection(std::string_view message, Conninfo const &conninfo) {
    Attempt const answer = read_answer(message);
    if (answer.sqlstate.empty()) {
        return {ErrorKind::unavailable,
                "the connection to the database broke" + std::string(nothing_changed),
                {.next = "try again"}};
    }
    ConnectionFault const fault = explain(answer, conninfo);
    std::string const ended =
        "the database " + conninfo.target + " ended the connection: " + answer.words + std::string(nothing_changed);
    return {fault.kind, ended, {.why = fault.why, .next = fault.next, .sqlstate = answer.sqlstate}};
}

}  // namespace relay::db
