#pragma once

#include "verifier.hpp"

/// Accepts each signed call of an agent once. Copy it into your gateway.
///
/// relay-admin-gateway(7) explains the rules that it keeps.
namespace gateway {

class Nonces {
  public:
    /// `query` runs one statement, committed, on the primary, from any thread.
    explicit Nonces(Verifier::Query query) : m_query(std::move(query)) {}

    /// Returns `ok`, or why the call is refused. Call it after the signature was verified, or strangers can fill the table.
    ///
    /// `nonce`: 8 to 64 bytes, or none; `signed_at`: RFC 3339, both as they were signed. Without a nonce a call is accepted
    /// only if the policy does not require one. Throws if the database cannot be asked: then refuse.
    std::string use(Decision const &decision, std::optional<std::string> const &nonce,
                    std::string const &signed_at) const;

  private:
    Verifier::Query m_query;
};

}  // namespace gateway
