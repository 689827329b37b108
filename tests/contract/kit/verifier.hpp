#pragma once

#include "relay/crypto/key_hash.hpp"

#include <libpq-fe.h>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

/// Checks relay keys: parse, checksum, digest, authenticate, cache, forget on change. Copy it into your gateway.
///
/// relay-admin-gateway(7) explains the rules that it keeps.
namespace gateway {

using Clock = std::chrono::steady_clock;
using Value = std::optional<std::string>;  ///< as libpq has it: text, or null
using Row = std::map<std::string, Value>;
using Rows = std::vector<Row>;
using Connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;

/// An error of a statement; `sqlstate` is empty if it is not the server's.
struct QueryError : std::runtime_error {
    QueryError(std::string const &text, std::string state) : std::runtime_error(text), sqlstate(std::move(state)) {}
    std::string sqlstate;
};

/// Runs one statement on a connection. Throws a QueryError.
Rows run(PGconn *connection, char const *sql, std::vector<Value> const &arguments = {});

struct Parsed {
    std::string key_id;
    relay::KeyDigest digest;
};
/// Returns nothing for a text that cannot be a key: it costs no query. Accepts one newline at the end.
std::optional<Parsed> parse(std::string_view text);

/// Returns a number as PostgreSQL writes it, whatever the locale of the gateway.
double to_number(std::string const &text);

/// A network of a policy: the bits that an address must have.
struct Network {
    std::vector<unsigned char> bytes{};
    std::size_t bits = 0;
};

/// The policy of an agent that is accepted, for a statement with a decision `d`; OFFSET 0: it is not asked about a call
/// that is refused.
inline std::string const with_policy =
    " LEFT JOIN LATERAL (SELECT p.qps, p.\"window\", p.require_nonce, array_to_string(p.addresses, ',') AS addresses, "
    "p.changes_at FROM relay_api.policy(d.org_id, d.agent_id) AS p WHERE d.ok OFFSET 0) AS policy ON true";

struct Claims {
    Value agent_id{}, org_id{}, ip{}, trace_id{};
};

struct Decision {
    bool ok = false;
    bool report_now = false;  ///< this use changes something, which is not recorded yet
    std::string reason = "malformed";
    Parsed key{};
    std::string agent_id{}, org_id{};
    Value expires_at{};
    std::set<std::string> permissions{};
    nlohmann::json conditions{};  ///< permission -> alternatives
    std::optional<double> qps{};  ///< its policy: calls per second, over all gateways; none: no limit
    Value window{};
    bool require_nonce = false;
    std::optional<std::vector<Network>> networks{};  ///< from where it may call; none: from anywhere
    Clock::time_point until{};  ///< the decision may be cached until then
    std::uint64_t asked = 0;  ///< the number of the last read of the feed when the gateway asked
    std::array<std::size_t, 4> places{};  ///< of its subjects, in Changes
};
using Shared = std::shared_ptr<Decision const>;

/// None: not permitted. Empty: permitted. Otherwise permitted if the call meets one of these alternatives.
using Granted = std::optional<nlohmann::json::array_t>;
Granted grants(Decision const &decision, std::string const &permission);

/// Of a row of the feed, or of a decision, for instance "agent_id bot". Empty: everything, the subject of a reset.
using Subject = std::string;

/// Knows when each subject last changed, in constant memory (8 MB) and constant time, whatever is cached. No locks.
///
/// Reads of the feed are numbered. Each subject has a place with the number of the last read that changed it. Subjects
/// share the places, so a place can be newer than a subject: then a gateway asks once more than it must.
class Changes {
  public:
    static std::size_t place(Subject const &subject);
    /// The places of the subjects of which a row can concern a decision.
    static std::array<std::size_t, 4> places(Decision const &decision);
    /// The number of the last read.
    std::uint64_t number() const { return m_number; }
    /// Notes that these subjects have changed; called by one thread only.
    void note(std::set<Subject> const &changed);
    /// Returns whether nothing that concerns a decision has changed since the gateway asked for it.
    bool spare(Decision const &decision) const;
    /// Like spare, for any number of places.
    bool unchanged(std::vector<std::size_t> const &places, std::uint64_t asked) const;

  private:
    static constexpr std::size_t size = std::size_t{1} << 20;
    std::atomic<std::uint64_t> m_number = 0;
    std::vector<std::atomic<std::uint64_t>> m_places = std::vector<std::atomic<std::uint64_t>>(size);
};

/// Decisions by digest. Checks in several threads rarely wait for each other: it is many small maps with a lock each.
class Cache {
  public:
    Shared find(relay::KeyDigest const &digest);
    void keep(Shared const &decision);

  private:
    struct Hash {
        std::size_t operator()(std::array<unsigned char, 32> const &digest) const;
    };
    using Map = std::unordered_map<std::array<unsigned char, 32>, Shared, Hash>;
    struct Part {
        std::mutex mutex{};
        Map kept{}, older{};  ///< older: kept more than a minute ago, so that it has ended when it is dropped
        Clock::time_point turn_at{};
    };
    Part &part(relay::KeyDigest const &digest) { return m_parts[digest.bytes[8] % m_parts.size()]; }

    std::array<Part, 64> m_parts{};
};

class Uses;  // of uses.hpp

class Verifier {
  public:
    using Query = std::function<Rows(char const *sql, std::vector<Value> const &arguments)>;
    using Connect = std::function<Connection()>;
    using End = std::shared_ptr<std::function<void()>>;

    /// `query` runs one statement, committed, on the gateway's own connections, from any thread (a pooler is fine).
    /// `connect` makes a connection straight to the same server, for LISTEN. No `gateway_id`: the server is a standby.
    /// No `uses`: the database records uses itself, but only those of calls that ask it.
    Verifier(Query query, Connect connect, Value gateway_id, std::shared_ptr<Uses> uses = nullptr);

    /// Throws if the database cannot be asked: then accept no one. Never null.
    Shared check(std::string_view text, Claims const &claims = {});
    /// The decision of the database itself. Counts no use.
    Shared ask(Parsed const &key, Claims const &claims = {});
    /// The decision in an answer of the database to a question of the moment `now`, when `asked` was the number of the last
    /// read.
    Decision decision(Row const &row, Parsed const &key, Clock::time_point now, std::uint64_t asked) const;
    /// Returns whether a decision that is kept still holds, and is one about a call with these claims.
    bool may_answer(Decision const &decision, Claims const &claims) const;
    /// Returns the number of the last read of the feed.
    std::uint64_t reads() const { return m_changes.number(); }
    /// Like grants; a refusal comes from the database, which records it.
    Granted permit(Decision const &decision, std::string const &permission, Claims const &claims = {});
    /// Like check, for a connection that stays open: calls `end` once if a block or a revocation concerns it.
    Shared hold(std::string_view text, End const &end, Claims const &claims = {});
    /// The connection is closed: forget it.
    void release(End const &end);
    /// Follows the changes and never returns: run it in its own thread.
    void follow();
    /// Returns whether we hear of changes. If not, an answer holds for its own call only.
    bool hears() const;
    Changes const &changes() const { return m_changes; }

  private:
    using Question = std::tuple<std::array<unsigned char, 32>, Value, Value>;
    Shared decide(std::string_view text, Claims const &claims);
    /// Counts a call if it is accepted; returns its decision.
    Shared counted(Shared const &decision, Claims const &claims);
    Shared kept(relay::KeyDigest const &digest, Claims const &claims);
    Shared share(Parsed const &key, Claims const &claims);
    Shared refill(Parsed const &key, Claims const &claims);
    std::vector<Value> question(Parsed const &key, Claims const &claims) const;
    void catch_up(PGconn *feed);
    Clock::time_point acknowledge_at() const;
    void wait(PGconn *feed);
    void apply(Rows const &changes);
    void kick(Subject const &subject);
    void drop(End const &end);

    Query m_query;
    Connect m_connect;
    Value m_gateway_id;
    std::shared_ptr<Uses> m_uses;
    Changes m_changes{};
    Cache m_cache{};
    std::mutex m_asking_mutex{}, m_held_mutex{};
    std::map<Question, std::shared_future<void>> m_asking{};
    std::map<Subject, std::map<End, Shared>> m_held{};
    Value m_cursor{}, m_acknowledged{};
    static constexpr auto never = Clock::time_point::min();
    std::atomic<Clock::time_point> m_read_at = never;  ///< when the last complete read began; never: we hear nothing
    Clock::time_point m_acknowledged_at{};
};

}  // namespace gateway
