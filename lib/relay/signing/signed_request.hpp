#pragma once

#include "relay/model/ids.hpp"
#include "relay/model/time.hpp"
#include "relay/signing/http_request.hpp"
#include "relay/signing/structured_field.hpp"

#include <string>
#include <string_view>
#include <vector>

/// The signature base of RFC 9421, over exactly five components in this order: @method @authority @path @query
/// content-digest. The caller chooses nothing. relay-admin-gateway(7) has the table of what is refused.
namespace relay::signing {

/// How callers reach the gateway.
struct PublicSide {
    std::string_view scheme = "https";  ///< whose default port is left out of the authority
    std::vector<std::string> authorities{};  ///< the names of the gateway, as normal_authority has them; empty: any
    bool is_proxied = false;  ///< the request came from a proxy whose X-Forwarded-Host counts
};

/// What is signed, each as its line in the signature base has it.
struct Components {
    std::string method{};
    std::string authority{};
    std::string path{};
    std::string query{};  ///< with its `?`; without a query `?` alone
    std::string content_digest{};  ///< the value of the header
};

/// Returns a host with an optional port in lower case, without the port that its scheme has anyway. Throws Malformed.
std::string normal_authority(std::string_view text, std::string_view scheme);

/// Returns the components of a request. Throws Malformed.
Components components_of(HttpRequest const &request, PublicSide const &side);

/// Returns the list of components with its parameters in the order in which signers of ours write them.
SfInnerList signature_parameters(Instant created, std::string const &nonce, KeyId const &key_id);

/// Returns the text whose SHA-256 a proof covers, and that an Ed25519 signature covers.
std::string signature_base(Components const &components, SfInnerList const &parameters);

/// Returns the value of the header Content-Digest for a body.
std::string content_digest(std::string_view body);

/// The signature of a request, whose form is right. Nothing is verified yet.
struct SignedRequest {
    KeyId key_id;
    Instant created{};  ///< whole seconds
    std::string nonce{};
    std::string signature{};  ///< 32 bytes: a proof; 64: Ed25519
    std::string authority{};
    std::string base{};
    bool body_fits = false;  ///< the body has the digest that is signed
};

/// Returns whether a request has a header of a signature.
bool has_signature(HttpRequest const &request);
/// Reads the signature with the label `relay`. Throws Malformed.
SignedRequest read_signed_request(HttpRequest const &request, PublicSide const &side);

}  // namespace relay::signing
