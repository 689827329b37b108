#include "verifier.hpp"

#include "relay/crypto/api_key.hpp"
#include "relay/model/error.hpp"
#include "uses.hpp"

#include <arpa/inet.h>
#include <algorithm>
#include <charconv>
#include <cstring>
#include <regex>
#include <sstream>

namespace gateway {

namespace {

using namespace std::chrono_literals;

std::string const authenticate_sql =
    "SELECT d.*, policy.*, extract(epoch FROM LEAST(d.expires_at, policy.changes_at))::float8 "
    "- extract(epoch FROM now())::float8 AS seconds_left "
    "FROM relay_api.authenticate($1, $2::bytea, $3, $4, $5::inet, $6, $7) AS d" +
    with_policy;
constexpr auto authorize_sql = "SELECT ok, conditions FROM relay_api.authorize($1, $2, $3::inet, $4)";
constexpr auto max_kept = 60s, max_stale = 5s;

std::string hex(relay::KeyDigest const &digest) {
    std::string text = "\\x";
    for (unsigned char const byte : digest.bytes) {
        text += "0123456789abcdef"[byte >> 4];
        text += "0123456789abcdef"[byte & 15];
    }
    return text;
}

/// Returns the bytes of an address; an IPv4 address inside IPv6 as IPv4, because a socket that listens on IPv6 shows it
/// so. No bytes: not an address.
std::vector<unsigned char> bytes_of(std::string const &address) {
    std::array<unsigned char, 16> bytes{};
    if (inet_pton(AF_INET, address.c_str(), bytes.data()) == 1) {
        return {bytes.begin(), bytes.begin() + 4};
    }
    if (inet_pton(AF_INET6, address.c_str(), bytes.data()) != 1) {
        return {};
    }
    bool const mapped = std::all_of(bytes.begin(), bytes.begin() + 10, [](auto byte) { return byte == 0; }) &&
                        bytes[10] == 0xff && bytes[11] == 0xff;
    return {bytes.begin() + (mapped ? 12 : 0), bytes.end()};
}

std::optional<std::vector<Network>> networks(Value const &list) {
    if (!list) {
        return std::nullopt;
    }
    std::vector<Network> found;
    std::istringstream texts(*list);
    for (std::string text; std::getline(texts, text, ',');) {
        std::size_t const slash = text.find('/');
        found.push_back({bytes_of(text.substr(0, slash)), std::size_t(to_number(text.substr(slash + 1)))});
    }
    return found;
}

/// Returns whether the policy of a decision that is kept accepts calls from an address. The database decided about the
/// address of the call that asked.
bool allows(Decision const &kept, Value const &ip) {
    if (!kept.networks) {
        return true;
    }
    std::vector<unsigned char> const address = bytes_of(ip.value_or(""));
    return std::any_of(kept.networks->begin(), kept.networks->end(), [&](Network const &network) {
        if (address.size() != network.bytes.size()) {
            return false;
        }
        for (std::size_t bit = 0; bit < network.bits; ++bit) {
            if (((address[bit / 8] ^ network.bytes[bit / 8]) >> (7 - bit % 8) & 1) != 0) {
                return false;
            }
        }
        return true;
    });
}

bool claims_fit(Claims const &claims, Decision const &kept) {
    return claims.agent_id.value_or(kept.agent_id) == kept.agent_id &&
           claims.org_id.value_or(kept.org_id) == kept.org_id && allows(kept, claims.ip);
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
        char const *const state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
        throw QueryError(PQerrorMessage(connection), state == nullptr ? "" : state);
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

double to_number(std::string const &text) {
    double value = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc()) {
        throw std::runtime_error("not a number: " + text);
    }
    return value;
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

std::size_t Cache::Hash::operator()(std::array<unsigned char, 32> const &digest) const {
    std::size_t hash = 0;  // a digest is random already
    std::memcpy(&hash, digest.data(), sizeof hash);
    return hash;
}

Shared Cache::find(relay::KeyDigest const &digest) {
    Part &here = part(digest);
    std::lock_guard const lock(here.mutex);
    for (Map const *map : {&here.kept, &here.older}) {
        if (auto const found = map->find(digest.bytes); found != map->end()) {
            return found->second;
        }
    }
    return nullptr;
}

void Cache::keep(Shared const &decision) {
    Part &here = part(decision->key.digest);
    Map ended;  // freed when the lock is not held
    std::lock_guard const lock(here.mutex);
    if (auto const now = Clock::now(); now >= here.turn_at) {
        ended = std::exchange(here.older, std::exchange(here.kept, {}));
        here.turn_at = now + max_kept;
    }
    here.kept.insert_or_assign(decision->key.digest.bytes, decision);
}

Verifier::Verifier(Query query, Connect connect, Value gateway_id, std::shared_ptr<Uses> uses)
    : m_query(std::move(query)),
      m_connect(std::move(connect)),
      m_gateway_id(std::move(gateway_id)),
      m_uses(std::move(uses)) {}

Shared Verifier::check(std::string_view text, Claims const &claims) { return counted(decide(text, claims), claims); }

Shared Verifier::counted(Shared const &decision, Claims const &claims) {
    if (decision->ok && m_uses) {
        m_uses->count(decision->key.key_id, claims.ip);
    }
    return decision;
}

/// Like check, but counts no use.
Shared Verifier::decide(std::string_view text, Claims const &claims) {
    static auto const malformed = std::make_shared<Decision const>();
    std::string_view const shown = text.substr(0, text.size() - text.ends_with('\n'));
    if (shown.size() != relay::ApiKey::length) {
        return malformed;
    }
    // If the digest is kept, the text is a key: it was parsed when it was first shown.
    if (Shared decision = kept(relay::KeyDigest::of(shown), claims)) {
        return decision;
    }
    auto const key = parse(text);
    return key ? share(*key, claims) : malformed;
}

/// Returns the kept decision if it may answer a call, or null. Every check that costs no question is answered here.
Shared Verifier::kept(relay::KeyDigest const &digest, Claims const &claims) {
    Shared decision = m_cache.find(digest);
    return decision && may_answer(*decision, claims) ? decision : nullptr;
}

bool Verifier::may_answer(Decision const &decision, Claims const &claims) const {
    return Clock::now() < decision.until && hears() && m_changes.spare(decision) && claims_fit(claims, decision);
}

bool Verifier::hears() const { return Clock::now() < m_read_at.load() + max_stale; }

/// Asks, unless another thread asks the same question: then waits, and uses its answer if that is kept. A refusal is
/// not: each call that is refused asks, and the database records it.
Shared Verifier::share(Parsed const &key, Claims const &claims) {
    if (!hears()) {
        return refill(key, claims);
    }
    std::promise<void> mine;
    std::shared_future<void> other;
    Question const question{key.digest.bytes, claims.agent_id, claims.org_id};
    {
        std::lock_guard const lock(m_asking_mutex);
        if (Shared decision = kept(key.digest, claims)) {
            return decision;
        }
        if (auto const [at, is_first] = m_asking.try_emplace(question); is_first) {
            at->second = mine.get_future();
        } else {
            other = at->second;
        }
    }
    if (other.valid()) {
        other.wait();
        Shared decision = kept(key.digest, claims);
        return decision ? decision : refill(key, claims);
    }
    auto const finish = [&](Question const *) {
        std::lock_guard const lock(m_asking_mutex);
        m_asking.erase(question);
        mine.set_value();
    };
    std::unique_ptr<Question const, decltype(finish)> const finally(&question, finish);
    return refill(key, claims);
}

/// Asks the database, and keeps the answer; but neither a refusal, nor an answer to a use that is not recorded yet.
Shared Verifier::refill(Parsed const &key, Claims const &claims) {
    Shared decision = ask(key, claims);
    if (decision->ok && m_uses && decision->report_now) {
        if (!m_gateway_id) {
            m_uses->repeat(authenticate_sql.c_str(), question(key, claims));
        }
    } else if (decision->ok) {
        m_cache.keep(decision);
    }
    return decision;
}

/// The values of authenticate_sql.
std::vector<Value> Verifier::question(Parsed const &key, Claims const &claims) const {
    return {key.key_id, hex(key.digest), claims.agent_id,   claims.org_id,
            claims.ip,  claims.trace_id, m_uses ? "t" : "f"};
}

Shared Verifier::ask(Parsed const &key, Claims const &claims) {
    auto const now = Clock::now();
    std::uint64_t const asked = m_changes.number();
    Row const row = m_query(authenticate_sql.c_str(), question(key, claims)).at(0);
    return std::make_shared<Decision const>(decision(row, key, now, asked));
}

Decision Verifier::decision(Row const &row, Parsed const &key, Clock::time_point now, std::uint64_t asked) const {
    std::chrono::duration<double> left = max_kept;
    if (Value const &seconds = row.at("seconds_left")) {
        left = std::min(left, std::chrono::duration<double>(to_number(*seconds)));
    }
    Decision made{
        .ok = row.at("ok") == "t",
        .report_now = row.at("report_now") == "t",
        .reason = row.at("reason").value(),
        .key = key,
        .agent_id = row.at("agent_id").value_or(""),
        .org_id = row.at("org_id").value_or(""),
        .expires_at = row.at("expires_at"),
        .permissions = nlohmann::json::parse(row.at("permissions").value_or("[]")).get<std::set<std::string>>(),
        .conditions = nlohmann::json::parse(row.at("conditions").value_or("{}")),
        .qps = row.at("qps") ? std::optional(to_number(*row.at("qps"))) : std::nullopt,
        .window = row.at("window"),
        .require_nonce = row.at("require_nonce") == "t",
        .networks = networks(row.at("addresses")),
        .until = now + std::chrono::duration_cast<Clock::duration>(left),
        .asked = asked};
    made.places = Changes::places(made);
    return made;
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

}  // namespace gateway
