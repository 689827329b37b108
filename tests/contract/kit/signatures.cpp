#include "signatures.hpp"

#include <cmath>
#include <ctime>

namespace gateway {

namespace {

using namespace std::chrono_literals;

std::string const columns =
    "SELECT d.*, policy.*, extract(epoch FROM LEAST(d.expires_at, policy.changes_at))::float8 "
    "- extract(epoch FROM now())::float8 AS seconds_left, extract(epoch FROM policy.\"window\")::float8 AS "
    "window_seconds, "
    "extract(epoch FROM clock_timestamp())::float8 AS now FROM relay_api.";
std::string const authenticate_sql =
    columns + "authenticate_signed($1, $2::bytea, $3::bytea, to_timestamp($4::float8), $5, $6, $7::inet, $8) AS d" +
    with_policy;
std::string const signer_sql =
    columns + "signer($1, to_timestamp($2::float8), $3, $4, $5::inet, $6) AS d" + with_policy;
constexpr auto accept_sql =
    "SELECT ok, reason, report_now FROM relay_api.accept_signed($1, $2::bytea, to_timestamp($3::float8), $4::inet, $5)";
constexpr auto report_sql = "SELECT relay_api.report_violation($1, $2, $3::inet, $4)";
constexpr auto max_kept = 60s;

std::string hex(std::string_view bytes) {
    std::string text = "\\x";
    for (char const one : bytes) {
        auto const byte = static_cast<unsigned char>(one);
        text += "0123456789abcdef"[byte >> 4];
        text += "0123456789abcdef"[byte & 15];
    }
    return text;
}

Bytes32 from_hex(std::string const &text) {
    auto const digit = [](char one) { return one <= '9' ? one - '0' : one - 'a' + 10; };
    Bytes32 bytes{};
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        bytes[at] = static_cast<unsigned char>(digit(text.at(2 + 2 * at)) * 16 + digit(text.at(3 + 2 * at)));
    }
    return bytes;
}

std::string rfc3339(std::int64_t created) {
    std::time_t const at = created;
    std::tm parts{};
    std::array<char, 32> text{};
    return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&at, &parts))};
}

double seconds(Clock::time_point at) { return std::chrono::duration<double>(at.time_since_epoch()).count(); }

Shared refusal(std::string const &reason) { return std::make_shared<Decision const>(Decision{.reason = reason}); }

}  // namespace

Signatures::Signatures(Verifier::Query query, Verifier &verifier, Place place)
    : m_query(query), m_verifier(verifier), m_place(std::move(place)), m_nonces(std::move(query)) {
    std::set<std::string> names;
    for (std::string const &name : m_place.names) {
        names.insert(normal(name, m_place.scheme));
    }
    m_place.names = std::move(names);
}

Shared Signatures::check(Request const &request, Claims const &claims) {
    std::optional<Signed> found;
    try {
        found = read(request, m_place);
    } catch (Malformed const &) {
        return refuse({}, "malformed", claims);
    }
    if (!found) {
        return nullptr;
    }
    Held const held = kept(*found, claims);
    return held || !m_verifier.hears() ? decide(request, *found, held, claims) : share(request, *found, claims);
}

/// Asks, unless another thread asks about the same key and claims: then waits, and uses its answer if that is kept.
Shared Signatures::share(Request const &request, Signed const &found, Claims const &claims) {
    std::promise<void> mine;
    std::shared_future<void> other;
    Question const question{found.key_id, kind_of(found), claims.agent_id, claims.org_id};
    Held held;
    {
        std::lock_guard const lock(m_asking_mutex);
        held = kept(found, claims);
        if (!held) {
            if (auto const [at, is_first] = m_asking.try_emplace(question); is_first) {
                at->second = mine.get_future();
            } else {
                other = at->second;
            }
        }
    }
    if (other.valid()) {
        other.wait();
        held = kept(found, claims);
    }
    if (held || other.valid()) {
        return decide(request, found, held, claims);
    }
    auto const finish = [&](Question const *) {
        std::lock_guard const lock(m_asking_mutex);
        m_asking.erase(question);
        mine.set_value();
    };
    std::unique_ptr<Question const, decltype(finish)> const finally(&question, finish);
    return decide(request, found, nullptr, claims);
}

/// The decision by what is kept of the key; null: the database is asked.
Shared Signatures::decide(Request const &request, Signed const &found, Held const &held, Claims const &claims) {
    if (held) {
        double const late = seconds(Clock::now()) + held->clock - double(found.created);
        if (std::abs(late) > held->window) {
            return refuse(found.key_id, late > 0 ? "too_old" : "too_early", claims);
        }
    }
    if (digest_of(request.body) != found.digest) {
        return refuse(found.key_id, "digest_mismatch", claims);
    }
    return kind_of(found) == Kind::proof ? decide_proof(found, held, claims) : decide_ed25519(found, held, claims);
}

/// A proof that does not fit the kept decision is asked about, too: the database records the refusal.
Shared Signatures::decide_proof(Signed const &found, Held held, Claims const &claims) {
    if (!held || !held->verifies_with || !proves(*held->verifies_with, found.message(), found.signature)) {
        held = ask(found, claims);
        if (held->decision->ok && !held->decision->report_now) {
            keep(found, held);
        }
    }
    if (held->decision->ok && held->decision->require_nonce) {
        std::string const reason = m_nonces.use(*held->decision, found.nonce, rfc3339(found.created));
        if (reason != "ok") {
            return refuse(found.key_id, reason, claims);
        }
    }
    return held->decision;
}

/// `signer` records nothing, because a key id is public. So a use is recorded, and the decision kept, once a signature is
/// verified.
Shared Signatures::decide_ed25519(Signed const &found, Held held, Claims const &claims) {
    bool const is_new = !held;
    if (is_new) {
        held = ask(found, claims);
    }
    // First: a stranger learns nothing else.
    if (held->verifies_with && !verifies(*held->verifies_with, found.base, found.signature)) {
        return refuse(found.key_id, "bad_signature", claims);
    }
    if (!held->decision->ok) {
        return refuse(found.key_id, held->decision->reason, claims);
    }
    if (is_new || held->decision->require_nonce) {
        Row const row = m_query(accept_sql, {found.key_id, hex(found.nonce), std::to_string(found.created), claims.ip,
                                             claims.trace_id})
                            .at(0);
        if (row.at("ok") != "t") {
            return refusal(row.at("reason").value());
        }
        if (is_new && !held->decision->report_now && row.at("report_now") != "t") {
            keep(found, held);
        }
    }
    return held->decision;
}

Signatures::Part &Signatures::part(Signed const &found) {
    auto &parts = m_parts[std::size_t(kind_of(found))];
    return parts[std::hash<std::string>()(found.key_id) % parts.size()];
}

/// Returns what is kept of a key if it may answer a call, or null.
Signatures::Held Signatures::kept(Signed const &found, Claims const &claims) {
    Held held;
    {
        Part &here = part(found);
        std::lock_guard const lock(here.mutex);
        for (auto const *map : {&here.kept, &here.older}) {
            if (auto const at = map->find(found.key_id); !held && at != map->end()) {
                held = at->second;
            }
        }
    }
    return held && m_verifier.may_answer(*held->decision, claims) ? held : nullptr;
}

/// Keeps an answer. Neither a refusal is kept, nor an answer to a use that is not recorded yet.
void Signatures::keep(Signed const &found, Held const &held) {
    Part &here = part(found);
    std::unordered_map<std::string, Held> ended;  // freed when the lock is not held
    std::lock_guard const lock(here.mutex);
    if (auto const now = Clock::now(); now >= here.turn_at) {
        ended = std::exchange(here.older, std::exchange(here.kept, {}));
        here.turn_at = now + max_kept;
    }
    here.kept.insert_or_assign(found.key_id, held);
}

/// What the database says, to be kept.
Signatures::Held Signatures::ask(Signed const &found, Claims const &claims) {
    bool const is_proof = kind_of(found) == Kind::proof;
    std::vector<Value> question{found.key_id};
    if (is_proof) {
        Bytes32 const message = found.message();
        question.push_back(hex({reinterpret_cast<char const *>(message.data()), message.size()}));
        question.push_back(hex(found.signature));
    }
    for (Value const &one :
         {Value(std::to_string(found.created)), claims.agent_id, claims.org_id, claims.ip, claims.trace_id}) {
        question.push_back(one);
    }
    auto const before = Clock::now();
    std::uint64_t const asked = m_verifier.reads();
    Row const row = m_query((is_proof ? authenticate_sql : signer_sql).c_str(), question).at(0);
    double const clock = to_number(row.at("now").value()) - (seconds(before) + seconds(Clock::now())) / 2;
    Value const &secret = row.at(is_proof ? "verifier" : "public_key");
    Kept made{.decision = std::make_shared<Decision const>(
                  m_verifier.decision(row, {.key_id = found.key_id, .digest = {}}, before, asked)),
              .verifies_with = secret ? std::optional(from_hex(*secret)) : std::nullopt,
              .clock = clock,
              .window = row.at("window_seconds") ? to_number(*row.at("window_seconds")) : 0};
    return std::make_shared<Kept const>(std::move(made));
}

/// Records what the database has not seen.
Shared Signatures::refuse(Value const &key_id, std::string const &reason, Claims const &claims) {
    m_query(report_sql, {key_id, reason, claims.ip, claims.trace_id});
    return refusal(reason);
}

}  // namespace gateway
