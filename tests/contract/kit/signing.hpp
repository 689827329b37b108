#pragma once

#include "fields.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Signs requests, and reads requests that are signed: RFC 9421, with components that are fixed. Copy it into your agent, or,
/// with signatures.hpp, into your gateway. It needs libsodium: call sodium_init() first.
///
/// relay-admin-signing(7) explains the rules that it keeps. An agent signs with the key that it has, or with an Ed25519 key:
///
///     auto const headers = gateway::sign(gateway::Proof(key), "POST", "https://relay.example.com/v1/run", body);
///
/// It sends exactly this method, URL and body with these headers, and no key. The clock may be wrong by less than the window
/// of its policy.
namespace gateway {

using Bytes32 = std::array<unsigned char, 32>;

/// A request as it came, before a framework has decoded, merged or resolved anything.
struct Request {
    std::string method{}, target{};  ///< target: of the request line, or `:path`
    std::vector<std::pair<std::string, std::string>> headers{};
    std::string body{};  ///< without chunks, but as compressed as it came
    std::optional<std::string> authority{};  ///< HTTP/2: `:authority`
    std::string peer{};  ///< the address of who sent it: a proxy, or the caller
};

/// What a request that is signed says about itself. Nothing of it is verified.
struct Signed {
    std::string key_id{};
    std::int64_t created = 0;  ///< seconds since 1970
    std::string nonce{}, digest{};  ///< digest: the header Content-Digest
    std::string signature{};  ///< bytes: 32 of a proof, 64 of Ed25519
    std::string base{};

    /// Returns what a proof is made of, and the database gets.
    Bytes32 message() const;
};

/// Where a gateway is.
struct Place {
    std::set<std::string> names{};  ///< its authorities, in lower case, without the default port of the scheme
    std::string scheme = "https";  ///< the public one
    std::set<std::string> proxies{};  ///< the addresses that may set X-Forwarded-Host
    /// The headers of all other credentials, in lower case: a signed request has none of them.
    std::vector<std::string> credentials{"authorization"};
};

/// Returns the header Content-Digest of a body.
std::string digest_of(std::string_view body);

/// Returns an authority in lower case, without the port that its scheme has anyway.
std::string normal(std::string_view authority, std::string_view scheme);

/// Returns what is signed; nothing: the request is not signed. Throws Malformed. Verifies nothing.
std::optional<Signed> read(Request const &request, Place const &place);

/// Returns whether a proof was made with the key whose stored hash is `verifier`: the same check as of a key that is shown.
bool proves(Bytes32 const &verifier, Bytes32 const &message, std::string_view proof);

/// Returns whether a signature was made with the private key of a public key. libsodium refuses the keys under which one
/// signature fits any text.
bool verifies(Bytes32 const &public_key, std::string_view base, std::string_view signature);

class Signer {
  public:
    virtual ~Signer() = default;
    virtual std::string sign(std::string_view base) const = 0;
    std::string const &key_id() const { return m_key_id; }

  protected:
    explicit Signer(std::string key_id) : m_key_id(std::move(key_id)) {}

  private:
    std::string m_key_id;
};

/// Signs with an API key. A proof shows that the agent has the key, and not the key. Throws std::invalid_argument.
class Proof : public Signer {
  public:
    explicit Proof(std::string_view key);
    std::string sign(std::string_view base) const override;

  private:
    Bytes32 m_digest, m_verifier;
};

/// Returns the seed of a private key of Ed25519 in PEM, as `agent keygen` and openssl write it. Throws std::invalid_argument.
Bytes32 seed_of(std::string_view pem);

/// Signs with the private key (a seed) whose public key `rotate-key --public-key` has registered.
class Ed25519 : public Signer {
  public:
    Ed25519(std::string key_id, Bytes32 const &seed);
    std::string sign(std::string_view base) const override;

  private:
    std::array<unsigned char, 64> m_key{};
};

/// Returns the three headers of a request. Throws std::invalid_argument for a URL that cannot be signed as it is: it must be
/// encoded already. `created`: the present time; `nonce`: a random one, unless given.
std::map<std::string, std::string> sign(Signer const &signer, std::string_view method, std::string_view url,
                                        std::string_view body = {}, std::optional<std::int64_t> created = {},
                                        std::optional<std::string> const &nonce = {});

}  // namespace gateway
