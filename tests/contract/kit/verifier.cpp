#include "verifier.hpp"

#include "relay/crypto/api_key.hpp"
#include "relay/model/error.hpp"

#include <poll.h>
#include <algorithm>
#include <regex>
#include <stdexcept>
#include <thread>

namespace gateway {

namespace {

using namespace std::chrono_literals;

constexpr auto authenticate_sql =
    "SELECT d.*, extract(epoch FROM d.expires_at)::float8 - extract(epoch FROM now())::float8 AS seconds_left "
    "FROM relay_api.authenticate($1, $2::bytea, $3, $4, $5::inet, $6) AS d";
constexpr auto authorize_sql = "SELECT ok, conditions FROM relay_api.authorize($1, $2, $3::inet, $4)";
constexpr std::array subjects{"key_id", "agent_id", "org_id"};
constexpr auto max_kept = 60s, sign_of_life = 20s, max_stale = 5s, pause = 1s;
constexpr auto pace = 20ms;  // from read to read, however often anyone notifies

std::string bytes_of(relay::KeyDigest const &digest) { return {digest.bytes.begin(), digest.bytes.end()}; }

std::string hex(relay::KeyDigest const &digest) {
    std::string text = "\\x";
    for (unsigned char const byte : digest.bytes) {
        text += "0123456789abcdef"[byte >> 4];
        text += "0123456789abcdef"[byte & 15];
    }
    return text;
}

bool claims_fit(Claims const &claims, Decision const &kept) {
    return claims.agent_id.value_or(kept.agent_id) == kept.agent_id &&
           claims.org_id.value_or(kept.org_id) == kept.org_id;
}

/// The subject of a row of the feed: the narrowest that it names. A reset names none: "", which means everything.
std::string subject(Row const &change) {
    for (char const *name : subjects) {
        if (Value const &value = change.at(name)) {
            return name + (' ' + *value);
        }
    }
    return "";
}

/// Returns when a notification may have come in, at the latest after `pause`.
void wait(PGconn *feed) {
    pollfd ready{PQsocket(feed), POLLIN, 0};
    poll(&ready, 1, std::chrono::milliseconds(pause).count());
    if (PQconsumeInput(feed) == 0) {
        throw std::runtime_error("the feed ended");
    }
}

bool take_notifications(PGconn *feed) {
    bool any = false;
    while (PGnotify *told = PQnotifies(feed)) {
        PQfreemem(told);
        any = true;
    }
    return any;
}

}  // namespace

Rows run(PGconn *connection, char const *sql, std::vector<Value> const &arguments) {
    std::vector<char const *> values;
    for (Value const &argument : arguments) {
        values.push_back(argument ? argument->c_str() : nullptr);
    }
    std::unique_ptr<PGresult, decltype(&PQclear)> const result(
        PQexecParams(connection, sql, int(values.size()), nullptr, values.data(), nullptr, nullptr, 0), PQclear);
    auto const status = PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        throw std::runtime_error(PQerrorMessage(connection));
    }
    Rows rows(std::size_t(PQntuples(result.get())));
    for (int row = 0; row < PQntuples(result.get()); ++row) {
        for (int column = 0; column < PQnfields(result.get()); ++column) {
            bool const null = PQgetisnull(result.get(), row, column) != 0;
            rows[std::size_t(row)][PQfname(result.get(), column)] =
                null ? Value() : Value(PQgetvalue(result.get(), row, column));
        }
    }
    return rows;
}

std::optional<Parsed> parse(std::string_view text) {
    try {
        relay::ApiKey const key = relay::ApiKey::parse(text);
        if (key.type() == relay::KeyType::agent) {
            return Parsed{key.id().text(), key.digest()};
        }
    } catch (relay::Error const &) {}
    return std::nullopt;
}

Granted grants(Decision const &decision, std::string const &permission) {
    static std::regex const form("(?=.{3,129}$)([A-Za-z0-9_.-]+|[*]):([A-Za-z0-9_.-]+|[*])");
    std::smatch match;
    nlohmann::json::array_t alternatives;
    bool held = false, freely = false;
    if (permission.size() <= 129 && std::regex_match(permission, match, form)) {
        std::string const provider = match[1], method = match[2];
        for (std::string const &way : std::set<std::string>{permission, provider + ":*", "*:" + method, "*:*"}) {
            if (decision.permissions.contains(way)) {
                held = true;
                freely = freely || !decision.conditions.contains(way);
                for (auto const &one : decision.conditions.value(way, nlohmann::json::array())) {
                    alternatives.push_back(one);
                }
            }
        }
    }
    return !held ? Granted() : freely ? Granted(nlohmann::json::array_t()) : Granted(alternatives);
}

Verifier::Verifier(Query query, Connect connect, Value gateway_id)
    : m_query(std::move(query)), m_connect(std::move(connect)), m_gateway_id(std::move(gateway_id)) {}

std::uint64_t Verifier::counter() {
    std::lock_guard const lock(m_mutex);
    return m_counter;
}

Decision Verifier::check(std::string_view text, Claims const &claims) {
    auto const key = parse(text);
    if (!key) {
        return {};
    }
    std::uint64_t const before = counter();
    {
        std::lock_guard const lock(m_mutex);
        auto const now = Clock::now();
        auto const kept = m_cache.find(bytes_of(key->digest));
        if (kept != m_cache.end() && now < kept->second.until && m_read_at && now < *m_read_at + max_stale &&
            claims_fit(claims, kept->second)) {
            return kept->second;
        }
    }
    Decision decision = ask(*key, claims);
    std::lock_guard const lock(m_mutex);
    if (decision.ok && before == m_counter) {  // no change came in between; and a refusal is never kept
        m_cache.insert_or_assign(bytes_of(key->digest), decision);
    }
    return decision;
}

Decision Verifier::ask(Parsed const &key, Claims const &claims) {
    auto const now = Clock::now();
    Row const row = m_query(authenticate_sql,
                            {key.key_id, hex(key.digest), claims.agent_id, claims.org_id, claims.ip, claims.trace_id})
                        .at(0);
    std::chrono::duration<double> left = max_kept;
    if (Value const &seconds = row.at("seconds_left")) {
        left = std::min(left, std::chrono::duration<double>(std::stod(*seconds)));
    }
    return {.ok = row.at("ok") == "t",
            .reason = row.at("reason").value(),
            .key = key,
            .agent_id = row.at("agent_id").value_or(""),
            .org_id = row.at("org_id").value_or(""),
            .expires_at = row.at("expires_at"),
            .permissions = nlohmann::json::parse(row.at("permissions").value_or("[]")).get<std::set<std::string>>(),
            .conditions = nlohmann::json::parse(row.at("conditions").value_or("{}")),
            .until = now + std::chrono::duration_cast<Clock::duration>(left)};
}

Granted Verifier::permit(Decision const &decision, std::string const &permission, Claims const &claims) {
    if (Granted granted = grants(decision, permission)) {
        return granted;
    }
    Row const row = m_query(authorize_sql, {decision.agent_id, permission, claims.ip, claims.trace_id}).at(0);
    if (row.at("ok") != "t") {
        return std::nullopt;
    }
    return nlohmann::json::parse(row.at("conditions").value_or("[]")).get<nlohmann::json::array_t>();
}

Decision Verifier::hold(std::string_view text, End const &end, Claims const &claims) {
    while (true) {
        std::uint64_t const before = counter();
        Decision decision = check(text, claims);
        std::lock_guard const lock(m_mutex);
        if (decision.ok && before == m_counter) {
            m_held.emplace(end, decision);
        }
        if (!decision.ok || before == m_counter) {
            return decision;
        }
    }
}

void Verifier::release(End const &end) {
    std::lock_guard const lock(m_mutex);
    m_held.erase(end);
}

void Verifier::follow() {
    while (true) {
        try {
            Connection const feed = m_connect();
            if (m_gateway_id) {
                run(feed.get(), "LISTEN relay_key_changes");  // before the first read, so that no change is missed
            }
            while (true) {
                take_notifications(feed.get());
                catch_up(feed.get());
                if (!take_notifications(
                        feed.get())) {  // a statement also reads what arrived during it: the socket stays silent
                    wait(feed.get());
                }
                std::this_thread::sleep_until(*m_read_at + pace);
            }
        } catch (std::exception const &) {
            std::lock_guard const lock(m_mutex);
            m_read_at.reset();
        }
        std::this_thread::sleep_for(pause);
    }
}

void Verifier::catch_up(PGconn *feed) {
    auto now = Clock::now();
    for (Value before = ""; before != m_cursor;) {
        before = m_cursor;
        now = Clock::now();
        apply(run(feed, "SELECT * FROM relay_api.changes_since($1)", {before}));
    }
    {
        std::lock_guard const lock(m_mutex);
        m_read_at = now;
    }
    if (m_gateway_id && (m_cursor != m_acknowledged || now > m_acknowledged_at + sign_of_life)) {
        run(feed, "SELECT relay_api.acknowledge($1, $2)", {m_gateway_id, m_cursor});
        m_acknowledged = m_cursor;
        m_acknowledged_at = now;
    }
}

void Verifier::apply(Rows const &changes) {
    Subjects about, kicking;
    for (Row const &change : changes) {
        about.insert(subject(change));
        if (change.at("kicks") == "t") {
            kicking.insert(subject(change));
        }
    }
    forget(about, changes.size());
    kick(kicking);
    if (!changes.empty()) {
        m_cursor = changes.back().at("next_cursor");
    }
}

bool Verifier::concerned(Subjects const &subjects, Decision const &decision) {
    return subjects.contains("") || subjects.contains("key_id " + decision.key.key_id) ||
           subjects.contains("agent_id " + decision.agent_id) || subjects.contains("org_id " + decision.org_id);
}

void Verifier::forget(Subjects const &about, std::uint64_t changes) {
    std::lock_guard const lock(m_mutex);
    m_counter += changes;
    std::erase_if(m_cache,
                  [&](auto const &kept) { return Clock::now() >= kept.second.until || concerned(about, kept.second); });
}

void Verifier::kick(Subjects const &kicking) {
    Subjects certain = kicking;
    certain.erase("");
    std::map<End, Decision> kicked;
    {
        std::lock_guard const lock(m_mutex);
        std::ranges::copy_if(m_held, std::inserter(kicked, kicked.end()),
                             [&](auto const &one) { return concerned(kicking, one.second); });
    }
    for (auto const &[end, decision] : kicked) {
        if (concerned(certain, decision) || !ask(decision.key).ok) {
            release(end);
            (*end)();
        }
    }
}

}  // namespace gateway
