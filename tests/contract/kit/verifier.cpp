#include "verifier.hpp"

#include "relay/crypto/api_key.hpp"
#include "relay/model/error.hpp"
#include "uses.hpp"

#include <poll.h>
#include <algorithm>
#include <cstring>
#include <regex>
#include <stdexcept>
#include <thread>

namespace gateway {

namespace {

using namespace std::chrono_literals;

constexpr auto authenticate_sql =
    "SELECT d.*, extract(epoch FROM d.expires_at)::float8 - extract(epoch FROM now())::float8 AS seconds_left "
    "FROM relay_api.authenticate($1, $2::bytea, $3, $4, $5::inet, $6, $7) AS d";
constexpr auto authorize_sql = "SELECT ok, conditions FROM relay_api.authorize($1, $2, $3::inet, $4)";
constexpr std::array subjects{"key_id", "agent_id", "org_id"};
constexpr auto max_kept = 60s, sign_of_life = 20s, max_stale = 5s, pause = 1s;
constexpr auto pace = 20ms;  // from read to read, however often anyone notifies
constexpr auto gather = 5ms;  // from a notification to the read: one read for all changes of that moment
constexpr auto acknowledge_pace = 100ms;  // from one acknowledgement to the next, however many changes come
constexpr std::size_t page = 1000;  // rows of the feed
constexpr auto everything = "";  // the subject of a reset

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

/// The subject of a row of the feed: the narrowest that it names. A reset names none.
Subject subject(Row const &change) {
    for (char const *name : subjects) {
        if (Value const &value = change.at(name)) {
            return name + (' ' + *value);
        }
    }
    return everything;
}

/// The four subjects of which a row can concern a decision.
std::array<Subject, 4> subjects_of(Decision const &decision) {
    return {everything, "key_id " + decision.key.key_id, "agent_id " + decision.agent_id, "org_id " + decision.org_id};
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

std::size_t Changes::place(Subject const &subject) {
    return subject == everything ? 0 : 1 + std::hash<Subject>()(subject) % (size - 1);
}

void Changes::note(std::set<Subject> const &changed) {
    for (Subject const &subject : changed) {
        m_places[place(subject)] = m_number + 1;
    }
    ++m_number;  // at last: an answer that was asked for meanwhile is not kept
}

bool Changes::spare(Decision const &decision) const {
    return std::ranges::all_of(decision.places, [&](std::size_t place) { return m_places[place] <= decision.asked; });
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

Shared Verifier::check(std::string_view text, Claims const &claims) {
    Shared decision = decide(text, claims);
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
    bool const fits = decision && Clock::now() < decision->until && hears() && m_changes.spare(*decision) &&
                      claims_fit(claims, *decision);
    return fits ? decision : nullptr;
}

/// Returns whether we hear of changes. If not, an answer holds for its own call only.
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
            m_uses->repeat(authenticate_sql, question(key, claims));
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
    Row const row = m_query(authenticate_sql, question(key, claims)).at(0);
    std::chrono::duration<double> left = max_kept;
    if (Value const &seconds = row.at("seconds_left")) {
        left = std::min(left, std::chrono::duration<double>(std::stod(*seconds)));
    }
    Decision decision{
        .ok = row.at("ok") == "t",
        .report_now = m_uses && row.at("report_now") == "t",
        .reason = row.at("reason").value(),
        .key = key,
        .agent_id = row.at("agent_id").value_or(""),
        .org_id = row.at("org_id").value_or(""),
        .expires_at = row.at("expires_at"),
        .permissions = nlohmann::json::parse(row.at("permissions").value_or("[]")).get<std::set<std::string>>(),
        .conditions = nlohmann::json::parse(row.at("conditions").value_or("{}")),
        .until = now + std::chrono::duration_cast<Clock::duration>(left),
        .asked = asked};
    std::ranges::transform(subjects_of(decision), decision.places.begin(), Changes::place);
    return std::make_shared<Decision const>(std::move(decision));
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

Shared Verifier::hold(std::string_view text, End const &end, Claims const &claims) {
    while (true) {
        Shared decision = check(text, claims);
        if (!decision->ok) {
            return decision;
        }
        std::lock_guard const lock(m_held_mutex);
        if (m_changes.spare(*decision)) {
            drop(end);  // the connection has shown another key before
            for (Subject const &subject : subjects_of(*decision)) {
                m_held[subject].emplace(end, decision);
            }
            return decision;
        }
    }
}

void Verifier::release(End const &end) {
    std::lock_guard const lock(m_held_mutex);
    drop(end);
}

/// Like release, for a thread that holds the lock.
void Verifier::drop(End const &end) {
    std::map<End, Shared> const &all = m_held[everything];
    auto const held = all.find(end);
    if (held == all.end()) {
        return;
    }
    Shared const decision = held->second;
    for (Subject const &subject : subjects_of(*decision)) {
        auto const found = m_held.find(subject);
        found->second.erase(end);
        if (found->second.empty()) {
            m_held.erase(found);
        }
    }
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
                // A statement also reads what arrived during it: the socket stays silent.
                if (!take_notifications(feed.get())) {
                    wait(feed.get());
                }
                std::this_thread::sleep_until(std::max(m_read_at.load() + pace, Clock::now() + gather));
            }
        } catch (std::exception const &) {
            m_read_at = never;
        }
        std::this_thread::sleep_for(pause);
    }
}

/// Returns when a notification may have come in, at the latest after `pause` or when an acknowledgement is due.
void Verifier::wait(PGconn *feed) {
    auto const rest = std::clamp<Clock::duration>(acknowledge_at() - Clock::now(), 0s, pause);
    pollfd ready{PQsocket(feed), POLLIN, 0};
    poll(&ready, 1, int(std::chrono::ceil<std::chrono::milliseconds>(rest).count()));
    if (PQconsumeInput(feed) == 0) {
        throw std::runtime_error("the feed ended");
    }
}

void Verifier::catch_up(PGconn *feed) {
    auto now = Clock::now();
    for (std::size_t rows = page; rows == page;) {  // a page that is not full is the last one
        now = Clock::now();
        Rows const changes =
            run(feed, "SELECT * FROM relay_api.changes_since($1, $2)", {m_cursor, std::to_string(page)});
        apply(changes);
        rows = changes.size();
    }
    m_read_at = now;
    if (now >= acknowledge_at()) {
        run(feed, "SELECT relay_api.acknowledge($1, $2)", {m_gateway_id, m_cursor});
        m_acknowledged = m_cursor;
        m_acknowledged_at = now;
    }
}

/// Returns when the next acknowledgement is due.
Clock::time_point Verifier::acknowledge_at() const {
    return !m_gateway_id ? Clock::time_point::max()
                         : m_acknowledged_at + (m_cursor == m_acknowledged ? sign_of_life : acknowledge_pace);
}

void Verifier::apply(Rows const &changes) {
    std::set<Subject> changed, kicking;
    for (Row const &change : changes) {
        changed.insert(subject(change));
        if (change.at("kicks") == "t") {
            kicking.insert(subject(change));
        }
    }
    m_changes.note(changed);
    std::for_each(kicking.rbegin(), kicking.rend(), [&](Subject const &one) { kick(one); });  // everything at last
    if (!changes.empty()) {
        m_cursor = changes.back().at("next_cursor");
    }
}

/// Ends the connections of a subject; of everything: those that the database refuses.
void Verifier::kick(Subject const &subject) {
    std::map<End, Shared> kicked;
    {
        std::lock_guard const lock(m_held_mutex);
        if (auto const held = m_held.find(subject); held != m_held.end()) {
            kicked = held->second;
        }
    }
    for (auto const &[end, decision] : kicked) {
        if (subject != everything || !ask(decision->key)->ok) {
            release(end);
            (*end)();
        }
    }
}

}  // namespace gateway
