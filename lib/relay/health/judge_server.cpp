#include "relay/health/judges.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace relay::doctor {
namespace {

using namespace std::chrono_literals;

constexpr int oldest_server = 13;
constexpr int newest_server = 18;  // the newest that the tests run with
constexpr int queue_worth_a_word = 100;  // per mille
constexpr int queue_near_its_end = 500;
constexpr auto clock_worth_a_word = 2s;
constexpr auto clock_astray = 60s;

bool is_in(sql::ServerFacts const &facts, std::string_view group) {
    return std::find(facts.groups.begin(), facts.groups.end(), group) != facts.groups.end();
}

bool stays_on_this_machine(std::string_view host) {
    return host.empty() || host.starts_with('/') || host.starts_with('@') || host == "localhost" ||
           host.starts_with("127.") || host == "::1";
}

bool is_socket(std::string_view host) { return host.empty() || host.starts_with('/') || host.starts_with('@'); }

std::string mode_text(unsigned mode) { return fmt::format("{:04o}", mode); }

/// Returns a role's name for a statement that a reader pastes: quoted only where PostgreSQL needs it.
std::string identifier(std::string const &name) {
    bool const is_plain = !name.empty() && (name.front() < '0' || name.front() > '9') &&
                          name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == name.npos;
    if (is_plain) {
        return name;
    }
    std::string quoted = "\"";
    for (char const letter : name) {
        quoted += letter == '"' ? "\"\"" : std::string(1, letter);
    }
    return quoted + '"';
}

std::string groups_text(sql::ServerFacts const &facts) { return fmt::format("{}", fmt::join(facts.groups, ", ")); }

}  // namespace

CheckResult judge_tls(sql::ServerFacts const &facts, Surroundings const &around) {
    db::Link const &link = facts.link;
    std::string const next =
        "use sslmode=verify-full, with the CA's certificate in ~/.postgresql/root.crt or sslrootcert=";
    std::string const mode = around.sslmode.empty() ? "" : ", sslmode=" + around.sslmode;
    if (is_socket(link.host)) {
        return {"db.tls", CheckStatus::ok, "a unix socket: nothing leaves this machine", ""};
    }
    if (facts.gss_encrypted) {
        return {"db.tls", CheckStatus::ok, "encrypted by GSSAPI; Kerberos has proven the server's identity", ""};
    }
    if (!link.tls_version && stays_on_this_machine(link.host)) {
        return {"db.tls", CheckStatus::ok,
                "not encrypted, but " + link.host + " is on this machine" +
                    (link.used_password ? "; SCRAM proved the password without sending it" : ""),
                ""};
    }
    if (!link.tls_version) {
        return {"db.tls", CheckStatus::error,
                "not encrypted to " + link.host + mode +
                    ": anyone on the network path can read along, or impersonate the server",
                next};
    }
    std::string const said = *link.tls_version + mode;
    bool const password_at_risk = link.used_password && around.sslmode_origin != "default";  // see db::connect
    if (around.sslmode == "verify-full" || (stays_on_this_machine(link.host) && !password_at_risk)) {
        return {"db.tls", CheckStatus::ok, said, ""};
    }
    std::string const weakness = around.sslmode == "verify-ca"
                                     ? ": any server with a certificate of that CA can impersonate this one"
                                     : ": encrypted, but the server has not proven who it is";
    return {"db.tls", CheckStatus::warn, said + " (from " + around.sslmode_origin + ")" + weakness, next};
}

CheckResult judge_password(Surroundings const &around) {
    if (around.passfile && around.passfile->open_to_others()) {
        return {"db.password", CheckStatus::error,
                fmt::format("{} has mode {}: libpq ignores it, because others can read or change it",
                            around.passfile->path, mode_text(around.passfile->mode)),
                use_tool("chmod", "600", around.passfile->path)};
    }
    if (around.service_file && around.service_file->open_to_others()) {
        return {"db.password", CheckStatus::warn,
                fmt::format("{} contains a password and has mode {}: others can read it", around.service_file->path,
                            mode_text(around.service_file->mode)),
                use_tool("chmod", "600", around.service_file->path)};
    }
    if (!around.password_origin.empty()) {
        return {"db.password", CheckStatus::ok, "the password comes from " + around.password_origin, ""};
    }
    return {"db.password", CheckStatus::ok,
            around.passfile ? fmt::format("only its owner can read {} (mode {})", around.passfile->path,
                                          mode_text(around.passfile->mode))
                            : "libpq has no password file and was given no password",
            ""};
}

CheckResult judge_role(sql::ServerFacts const &facts) {
    if (facts.superuser) {
        return {
            "db.role", CheckStatus::warn,
            facts.role + " is a superuser, which bypasses the schema's protections: it could rewrite the audit trail",
            facts.has_schema
                ? "CREATE ROLE a_login LOGIN; GRANT relay_provisioner TO a_login"
                : "once the schema has made the groups: CREATE ROLE a_login LOGIN; GRANT relay_provisioner "
                  "TO a_login"};
    }
    if (facts.has_schema && !facts.may_read) {
        std::string const rights = facts.groups.empty() ? "is not in any relay_ group"
                                                        : "is in " + groups_text(facts) + ", which reads no tables";
        return {"db.role", CheckStatus::error, facts.role + " " + rights + ": most checks cannot be made",
                "GRANT relay_auditor TO " + identifier(facts.role)};
    }
    if (is_in(facts, "relay_owner")) {
        return {"db.role", CheckStatus::warn,
                facts.role + " is in relay_owner, which may change the schema: right for migrations, not for daily use",
                "use a login in relay_provisioner, relay_responder or relay_auditor"};
    }
    if (facts.bypasses_row_security) {
        return {"db.role", CheckStatus::warn, facts.role + " has BYPASSRLS, which nothing here needs",
                "ALTER ROLE " + identifier(facts.role) + " NOBYPASSRLS"};
    }
    if (!facts.has_schema) {
        return {"db.role", CheckStatus::ok, facts.role, ""};
    }
    return {"db.role", CheckStatus::ok, facts.role + " is in " + groups_text(facts), ""};
}

CheckResult judge_version(sql::ServerFacts const &facts) {
    auto const major = facts.version_number / 10'000;
    std::string const said = "PostgreSQL " + facts.version;
    if (major < oldest_server) {
        return {"server.version", CheckStatus::error, fmt::format("{}: the schema needs {}", said, oldest_server),
                fmt::format("use PostgreSQL {} to {}", oldest_server, newest_server)};
    }
    if (major > newest_server) {
        return {"server.version", CheckStatus::warn,
                fmt::format("{} is newer than the versions that this program was tested with ({} to {})", said,
                            oldest_server, newest_server),
                "use a newer version of this program"};
    }
    return {"server.version", CheckStatus::ok, said, ""};
}

CheckResult judge_primary(sql::ServerFacts const &facts) {
    if (facts.standby) {
        return {"server.primary", CheckStatus::warn, "a standby: it can be read, but not changed",
                "name all hosts, and the program finds the primary: host=a,b"};
    }
    if (setting_of(facts, "default_transaction_read_only") == "on") {
        return {"server.primary", CheckStatus::warn,
                "the primary, but this session is read-only (default_transaction_read_only)",
                "check ALTER ROLE ... SET and ALTER DATABASE ... SET (\\drds in psql)"};
    }
    return {"server.primary", CheckStatus::ok, "the primary", ""};
}

CheckResult judge_notifications(sql::ServerFacts const &facts) {
    std::string const full =
        fmt::format("the queue of NOTIFY is {:.1f} % full", static_cast<double>(facts.notifications_per_mille) / 10);
    if (facts.notifications_per_mille <= queue_worth_a_word) {
        return {"server.notify", CheckStatus::ok, full, ""};
    }
    return {"server.notify",
            facts.notifications_per_mille > queue_near_its_end ? CheckStatus::error : CheckStatus::warn,
            full + ": when it is full, no change wakes a gateway, and each change takes a second attempt",
            "end the session that listens and is idle in a transaction: SELECT pid, usename, xact_start, query FROM "
            "pg_stat_activity WHERE state LIKE 'idle in transaction%' ORDER BY xact_start"};
}

CheckResult judge_standbys(sql::ServerFacts const &facts, sql::SynchronousStandbys const &standbys) {
    if (facts.standby || standbys.names.empty()) {
        return {"server.standbys", CheckStatus::ok,
                facts.standby ? "this is a standby: a commit waits where the primary is"
                              : "synchronous_standby_names is empty: no commit waits for a standby",
                ""};
    }
    if (standbys.hidden) {
        return {"server.standbys", CheckStatus::skipped,
                "commits wait for standbys " + standbys.names + ", but this role cannot see whether they are connected",
                "GRANT pg_read_all_stats TO relay_owner"};
    }
    if (standbys.streaming == 0) {
        return {"server.standbys", CheckStatus::error,
                "commits wait for standbys " + standbys.names + ", but none is connected: only block and revoke work",
                "start one, or " + set_server_setting(facts, "synchronous_standby_names", "''")};
    }
    return {"server.standbys", CheckStatus::ok,
            fmt::format("commits wait for standbys {}: {} streaming", standbys.names, standbys.streaming), ""};
}

CheckResult judge_clock(std::chrono::milliseconds ahead, std::chrono::milliseconds round_trip) {
    auto const apart = std::chrono::abs(ahead);
    std::string const exact = fmt::format("to within {} ms", std::max<long>(round_trip.count() / 2, 1));
    std::string const direction = ahead < 0ms ? "behind" : "ahead of";
    if (apart - round_trip / 2 <= clock_worth_a_word) {
        return {"clock", CheckStatus::ok, fmt::format("{} ms from the database's clock, {}", apart.count(), exact), ""};
    }
    std::string const far = apart < clock_astray ? fmt::format("{:.1f} s", static_cast<double>(apart.count()) / 1000)
                                                 : describe_duration(std::chrono::floor<std::chrono::seconds>(apart));
    return {"clock", apart - round_trip / 2 > clock_astray ? CheckStatus::error : CheckStatus::warn,
            fmt::format("the database's clock is {} {} this machine's: one of them is wrong; deadlines, grace and "
                        "expiry follow the database's",
                        far, direction),
            "run timedatectl timesync-status on both machines"};
}

}  // namespace relay::doctor
