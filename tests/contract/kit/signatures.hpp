#pragma once

#include "nonces.hpp"
#include "signing.hpp"

#include <future>
#include <map>
#include <optional>
#include <tuple>

/// Verifies requests that are signed: form, time, body, signature and nonce, with the decisions of a Verifier. Copy it into
/// your gateway. It needs libsodium: call sodium_init() first.
///
/// relay-admin-signing(7) explains the rules that it keeps.
namespace gateway {

class Signatures {
  public:
    /// `query` runs one statement, committed, on the primary, from any thread. `verifier` follows the feed.
    Signatures(Verifier::Query query, Verifier &verifier, Place place);

    /// Returns the decision about a request that is signed; null: it is not signed. Throws if the database cannot be asked:
    /// then accept no one. `request`: with a body that is not larger than the gateway takes.
    Shared check(Request const &request, Claims const &claims = {});

  private:
    /// A decision, and what verifies the next signature of its key. It is in no log and in no answer: of a proof, it and a
    /// request give the digest of the key.
    struct Kept {
        Shared decision{};
        std::optional<Bytes32> verifies_with{};
        double clock = 0;  ///< of the database, minus ours, in seconds
        double window = 0;  ///< seconds
    };
    using Held = std::shared_ptr<Kept const>;

    /// The kind of a key. The signatures of the two kinds have two lengths.
    enum class Kind { proof, ed25519 };
    struct Part {
        std::mutex mutex{};
        std::unordered_map<std::string, Held> kept{}, older{};  ///< older: of more than a minute ago: it has ended
        Clock::time_point turn_at{};
    };

    /// About which key, and the claims.
    using Question = std::tuple<std::string, Kind, Value, Value>;

    static Kind kind_of(Signed const &found) { return found.signature.size() == 32 ? Kind::proof : Kind::ed25519; }
    Part &part(Signed const &found);
    Held kept(Signed const &found, Claims const &claims);
    void keep(Signed const &found, Held const &kept);
    Held ask(Signed const &found, Claims const &claims);
    Shared share(Request const &request, Signed const &found, Claims const &claims);
    Shared decide(Request const &request, Signed const &found, Held const &held, Claims const &claims);
    Shared decide_proof(Signed const &found, Held held, Claims const &claims);
    Shared decide_ed25519(Signed const &found, Held held, Claims const &claims);
    Shared refuse(Value const &key_id, std::string const &reason, Claims const &claims);

    Verifier::Query m_query;
    Verifier &m_verifier;
    Place m_place;
    Nonces m_nonces;
    std::array<std::array<Part, 32>, 2> m_parts{};  ///< by kind: checks in several threads rarely wait for each other
    std::mutex m_asking_mutex{};
    std::map<Question, std::shared_future<void>> m_asking{};
};

}  // namespace gateway
