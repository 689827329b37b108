#pragma once

#include "relay/crypto/key_hash.hpp"

#include <libpq-fe.h>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
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

/// Runs one statement on a connection. Throws std::runtime_error.
Rows run(PGconn *connection, char const *sql, std::vector<Value> const &arguments = {});

struct Parsed {
    std::string key_id;
    relay::KeyDigest digest;
};
/// Returns nothing for a text that cannot be a key: it costs no query. Accepts one newline at the end.
std::optional<Parsed> parse(std::string_view text);

struct Claims {
    Value agent_id{}, org_id{}, ip{}, trace_id{};
};

struct Decision {
    bool ok = false;
    std::string reason = "malformed";
    Parsed key{};
    std::string agent_id{}, org_id{};
    Value expires_at{};
    std::set<std::string> permissions{};
    nlohmann::json conditions{};  ///< permission -> alternatives
    Clock::time_point until{};  ///< the decision may be cached until then
};

/// None: not permitted. Empty: permitted. Otherwise permitted if the call meets one of these alternatives.
using Granted = std::optional<nlohmann::json::array_t>;
Granted grants(Decision const &decision, std::string const &permission);

class Verifier {
  public:
    using Query = std::function<Rows(char const *sql, std::vector<Value> const &arguments)>;
    using Connect = std::function<Connection()>;
    using End = std::shared_ptr<std::function<void()>>;

    /// `query` runs one statement, committed, on the gateway's own connections, from any thread (a pooler is fine).
    /// `connect` makes a connection straight to the same server, for LISTEN. No `gateway_id`: the server is a standby.
    Verifier(Query query, Connect connect, Value gateway_id);

    /// Throws if the database cannot be asked: then accept no one.
    Decision check(std::string_view text, Claims const &claims = {});
    /// The decision of the database itself.
    Decision ask(Parsed const &key, Claims const &claims = {});
    /// Like grants; a refusal comes from the database, which records it.
    Granted permit(Decision const &decision, std::string const &permission, Claims const &claims = {});
    /// Like check, for a connection that stays open: calls `end` once if a block or a revocation concerns it.
    Decision hold(std::string_view text, End const &end, Claims const &claims = {});
    /// The connection is closed: forget it.
    void release(End const &end);
    /// Follows the changes and never returns: run it in its own thread.
    void follow();

  private:
    using Subjects = std::set<std::string>;
    static bool concerned(Subjects const &subjects, Decision const &decision);
    void catch_up(PGconn *feed);
    void apply(Rows const &changes);
    void forget(Subjects const &about, std::uint64_t changes);
    void kick(Subjects const &kicking);
    std::uint64_t counter();

    Query m_query;
    Connect m_connect;
    Value m_gateway_id;
    std::mutex m_mutex{};
    std::map<std::string, Decision> m_cache{};  ///< by the digest, in bytes
    std::map<End, Decision> m_held{};
    std::uint64_t m_counter = 0;
    Value m_cursor{}, m_acknowledged{};
    std::optional<Clock::time_point> m_read_at{};  ///< none: we do not hear of changes, so the cache must not be used
    Clock::time_point m_acknowledged_at{};
};

}  // namespace gateway
