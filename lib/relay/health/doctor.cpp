#include "relay/health/doctor.hpp"

#include "relay/feed/gateways_sql.hpp"
#include "relay/health/judges.hpp"
#include "relay/legacy/status_sql.hpp"
#include "relay/legacy/windows_sql.hpp"
#include "relay/model/error.hpp"
#include "relay/schema/repair_plan.hpp"
#include "relay/schema/schema_sql.hpp"
#include "relay/version.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <functional>

namespace relay {
namespace {

using Clock = std::chrono::steady_clock;
using Ids = std::vector<std::string_view>;
using namespace std::chrono_literals;

/// Short, so that a session that holds a lock delays nothing: what cannot be read now is reported as such.
constexpr auto lock_patience = 1s;

/// What a query depends on; each includes those before it.
enum class Ground {
    connection,
    rights,  ///< the role may read our tables
    catalog,  ///< the schema has this program's version, even if its migrations were edited
    schema,  ///< the schema is this program's
};

/// Measures the difference between the clocks; of three queries, the quickest is the most exact.
CheckResult measure_clock(db::Transaction &transaction) {
    std::chrono::milliseconds ahead{};
    std::chrono::milliseconds round_trip = std::chrono::milliseconds::max();
    for (int i = 0; i < 3; ++i) {
        auto const before = std::chrono::system_clock::now();
        Instant const there = sql::server_clock(transaction);
        auto const took = std::chrono::system_clock::now() - before;
        if (auto const whole = std::chrono::ceil<std::chrono::milliseconds>(took); whole < round_trip) {
            round_trip = whole;
            ahead = std::chrono::round<std::chrono::milliseconds>(there - (before + took / 2));
        }
    }
    return doctor::judge_clock(ahead, round_trip);
}

/// Returns an error as the result of a check, in one sentence.
CheckResult from_error(std::string_view check, Error const &error) {
    constexpr std::string_view needless = "; nothing was changed";
    std::string message = error.message();
    if (auto const at = message.find(needless); at != std::string::npos) {
        message.erase(at, needless.size());
    }
    message += error.hint().why.empty() ? "" : ": " + error.hint().why;
    return {std::string(check), CheckStatus::error, std::move(message), error.hint().next};
}

class Examiner {
  public:
    Examiner(db::Database &database, Examine const &request) : m_database(database), m_request(request) {}

    Examination run() {
        tell(doctor::judge_password(m_request.around));
        ask_server();
        ask_catalog();
        ask_rows();
        ask_legacy();
        sort();
        return std::move(m_result);
    }

  private:
    using Body = std::function<void(db::Transaction &)>;

    bool wants(std::string_view id) const {
        auto const &checks = m_request.checks;
        return checks.empty() || std::find(checks.begin(), checks.end(), id) != checks.end();
    }

    void tell(CheckResult result) {
        if (wants(result.check)) {
            m_result.checks.push_back(std::move(result));
        }
    }

    /// Adds the result of a check that others depend on; if it is an error, also if it was not requested.
    void tell_ground(CheckResult result) {
        bool const told = std::any_of(m_result.checks.begin(), m_result.checks.end(),
                                      [&](CheckResult const &other) { return other.check == result.check; });
        if (!told && (wants(result.check) || result.status == CheckStatus::error)) {
            m_result.checks.push_back(std::move(result));
        }
    }

    void skip(std::string_view id, std::string reason, Advice next = {}) {
        tell({std::string(id), CheckStatus::skipped, std::move(reason), std::move(next)});
    }

    void read(Body const &body);
    Ids standing_on(Ground ground, Ids ids);
    void ask(Ground ground, Ids const &ids, Body const &body);
    std::string lacking(Ground ground);
    void connect();
    void look_at_schema();
    void ask_server();
    void ask_catalog();
    void ask_rows();
    void ask_legacy();
    void sort();

    db::Database &m_database;
    Examine const &m_request;
    Clock::time_point m_until = Clock::now() + m_request.patience;
    std::optional<sql::ServerFacts> m_server{};
    std::optional<SchemaState> m_schema{};
    std::string m_no_connection{};  ///< the check that found no connection, or lost it
    Examination m_result{};
};

void Examiner::read(Body const &body) {
    db::TransactOptions options;
    options.read_only = true;
    options.check_schema = false;
    options.lock_patience = lock_patience;
    m_database.transact(options, [&](db::Transaction &transaction) {
        transaction.forbid_writes();
        body(transaction);
    });
}

/// Returns the requested ones of `ids` if `ground` holds. Otherwise returns none, and reports them as skipped.
Ids Examiner::standing_on(Ground ground, Ids ids) {
    std::erase_if(ids, [this](std::string_view id) { return !wants(id); });
    if (ids.empty()) {
        return {};
    }
    std::string reason = lacking(ground);
    if (reason.empty() && Clock::now() >= m_until) {
        reason = "the time limit";
    }
    if (reason.empty()) {
        return ids;
    }
    for (std::string_view const id : ids) {
        skip(id, "not checked, because of " + reason);
    }
    return {};
}

/// Runs the queries that `ids` need. `body` adds the results as its last step, so that an error before adds none.
void Examiner::ask(Ground ground, Ids const &ids, Body const &body) {
    Ids const wanted = standing_on(ground, ids);
    if (wanted.empty()) {
        return;
    }
    try {
        read(body);
    } catch (Error const &error) {
        tell(from_error(wanted.front(), error));
        for (std::size_t i = 1; i < wanted.size(); ++i) {
            skip(wanted[i], "not checked, because of " + std::string(wanted.front()));
        }
        if (error.kind() == ErrorKind::unavailable && error.hint().sqlstate.empty()) {
            m_no_connection = wanted.front();  // the connection broke, or the server does not answer
        }
    }
}

/// Returns the check whose failure means that `ground` does not hold; empty: it holds.
std::string Examiner::lacking(Ground ground) {
    connect();
    if (!m_no_connection.empty() || ground == Ground::connection) {
        return m_no_connection;
    }
    if (m_server->has_schema && !m_server->may_read) {
        tell_ground(doctor::judge_role(*m_server));
        return "db.role";
    }
    if (ground == Ground::rights) {
        return "";
    }
    look_at_schema();
    bool const holds =
        m_schema == SchemaState::current || (m_schema == SchemaState::edited && ground == Ground::catalog);
    return holds ? "" : "schema.version";
}

void Examiner::connect() {
    if (m_server || !m_no_connection.empty()) {
        return;
    }
    m_database.target();  // throws if the connection string is not valid: there is nothing to examine then
    try {
        read([this](db::Transaction &transaction) {
            m_server = sql::read_server(transaction);
            m_result.at = transaction.now();
            m_result.db_role = transaction.db_role();
        });
        tell_ground({"db.connection", CheckStatus::ok, m_database.target() + ", as " + m_server->role, ""});
    } catch (db::BadSettings const &) {
        throw;
    } catch (Error const &error) {
        m_no_connection = "db.connection";
        CheckResult result = from_error("db.connection", error);
        if (result.next.empty()) {
            result.next = advise(Act::show_settings);
        }
        tell_ground(std::move(result));
    }
}

void Examiner::look_at_schema() {
    if (m_schema) {
        return;
    }
    try {
        read([this](db::Transaction &transaction) {
            SchemaStatus const status = sql::read_schema_status(transaction);
            m_schema = status.state;
            tell_ground(doctor::judge_schema(status, schema_version()));
        });
    } catch (Error const &error) {
        m_schema = SchemaState::incomplete;
        tell_ground(from_error("schema.version", error));
    }
}

void Examiner::ask_server() {
    if (wants("db.connection")) {
        connect();
    }
    Ids const ids = standing_on(Ground::connection, {"db.tls", "db.role", "server.version", "server.primary",
                                                     "server.durability", "server.notify"});
    if (!ids.empty()) {
        tell(doctor::judge_tls(*m_server, m_request.around));
        tell_ground(doctor::judge_role(*m_server));
        tell(doctor::judge_version(*m_server));
        tell(doctor::judge_primary(*m_server));
        tell(doctor::judge_durability(*m_server));
        tell(doctor::judge_notifications(*m_server));
    }
    ask(Ground::connection, {"server.passwords"}, [this](db::Transaction &transaction) {
        tell(doctor::judge_password_hashing(*m_server, sql::read_kept_passwords(transaction)));
    });
    ask(Ground::connection, {"server.logging"}, [this](db::Transaction &transaction) {
        tell(doctor::judge_logging(*m_server, sql::read_gateway_log_settings(transaction)));
    });
    ask(Ground::connection, {"clock"}, [this](db::Transaction &transaction) { tell(measure_clock(transaction)); });
}

void Examiner::ask_catalog() {
    if (!standing_on(Ground::rights, {"schema.version"}).empty()) {
        look_at_schema();
    }
    ask(Ground::catalog, {"schema.drift", "grants.foreign"}, [this](db::Transaction &transaction) {
        auto const [expected, differences] = sql::compare_catalog(transaction);
        tell(doctor::judge_drift(differences, is_repairable(differences, expected)));
        tell(doctor::judge_foreign_grants(differences));
    });
    ask(Ground::catalog, {"grants.gateways", "grants.tenants", "grants.billing"}, [this](db::Transaction &transaction) {
        auto const logins = sql::read_group_logins(transaction);
        tell(doctor::judge_gateway_logins(logins));
        tell(doctor::judge_tenant_logins(logins));
        tell(doctor::judge_billing_logins(logins));
    });
}

void Examiner::ask_rows() {
    ask(Ground::schema, {"server.standbys"}, [this](db::Transaction &transaction) {
        tell(doctor::judge_standbys(*m_server, sql::read_synchronous_standbys(transaction)));
    });
    ask(Ground::schema, {"audit.months"},
        [this](db::Transaction &transaction) { tell(doctor::judge_months(sql::read_audit_months(transaction))); });
    ask(Ground::schema, {"audit.seals"},
        [this](db::Transaction &transaction) { tell(doctor::judge_seals(sql::read_seals(transaction))); });
    ask(Ground::schema, {"keys.due"}, [this](db::Transaction &transaction) {
        tell(doctor::judge_due_keys(sql::agents_with_overdue_keys(transaction)));
    });
    ask(Ground::schema, {"keys.staged"}, [this](db::Transaction &transaction) {
        tell(doctor::judge_staged_keys(sql::agents_with_staged_keys(transaction)));
    });
    ask(Ground::schema, {"policy.window"},
        [this](db::Transaction &transaction) { tell(doctor::judge_windows(sql::unusual_windows(transaction))); });
    ask(Ground::schema, {"policy.nonces"}, [this](db::Transaction &transaction) {
        tell(doctor::judge_nonces(sql::read_nonces_ahead(transaction, m_server->standby)));
    });
    ask(Ground::schema, {"keys.unused"}, [this](db::Transaction &transaction) {
        tell(doctor::judge_unused_keys(sql::agents_with_unused_keys(transaction)));
    });
    ask(Ground::schema, {"messages.refused"}, [this](db::Transaction &transaction) {
        tell(doctor::judge_messages(sql::read_refused_messages(transaction)));
    });
    ask(Ground::schema, {"gateways"},
        [this](db::Transaction &transaction) { tell(doctor::judge_gateways(sql::find_gateways(transaction))); });
}

void Examiner::ask_legacy() {
    std::optional<RelaySettings> const &relay = m_request.around.relay;
    if (relay) {
        tell(doctor::judge_env_file(*relay));
        for (CheckResult &result : doctor::judge_hardening(*relay)) {
            tell(std::move(result));
        }
    } else {
        skip("legacy.fallback",
             "no --env-file given; at the end, the relay needs ALLOW_LEGACY_GLOBAL_AGENT_SECRET=false",
             advise(Act::name_relay_settings));
    }
    if (relay) {
        ask(Ground::schema, {"policy.relay"}, [&](db::Transaction &transaction) {
            tell(doctor::judge_relay_policy(*relay, sql::platform_policy(transaction)));
        });
    }
    Ids ids{"legacy.window", "legacy.pace"};
    if (relay) {
        ids.insert(ids.end(), {"legacy.fallback", "legacy.secret"});
    }
    ask(Ground::schema, ids, [&](db::Transaction &transaction) {
        LegacyStatus legacy;
        legacy.window = sql::find_window(transaction);
        legacy.counts = sql::count_legacy(transaction, usual_legacy_quiet);
        legacy.pace = sql::legacy_pace(transaction, legacy.window);
        legacy.at = transaction.now();
        tell(doctor::judge_window(legacy));
        tell(doctor::judge_pace(legacy));
        if (relay) {
            tell(doctor::judge_fallback(*relay, legacy));
            tell(doctor::judge_secret(*relay, legacy));
        }
    });
    ask(Ground::schema, {"legacy.refused"},
        [this](db::Transaction &transaction) { tell(doctor::judge_refused(sql::read_refused_agents(transaction))); });
}

/// Needed because results that others depend on are added while those are checked.
void Examiner::sort() {
    auto const place = [](CheckResult const &result) {
        return std::find(known_checks().begin(), known_checks().end(), result.check);
    };
    std::stable_sort(m_result.checks.begin(), m_result.checks.end(),
                     [&](CheckResult const &one, CheckResult const &other) { return place(one) < place(other); });
}

}  // namespace

bool Examination::any(CheckStatus status) const {
    return std::any_of(checks.begin(), checks.end(),
                       [&](CheckResult const &result) { return result.status == status; });
}

Examination examine(db::Database &database, Examine const &request) { return Examiner(database, request).run(); }

}  // namespace relay
