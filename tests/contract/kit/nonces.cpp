#include "nonces.hpp"

namespace gateway {

std::string Nonces::use(Decision const &decision, std::optional<std::string> const &nonce,
                        std::string const &signed_at) const {
    if (!nonce && !decision.require_nonce) {
        return "ok";
    }
    Value bytes;
    if (nonce) {
        bytes = "\\x";
        for (char const one : *nonce) {
            auto const byte = static_cast<unsigned char>(one);
            *bytes += "0123456789abcdef"[byte >> 4];
            *bytes += "0123456789abcdef"[byte & 15];
        }
    }
    Row const row = m_query("SELECT reason FROM relay_api.use_nonce($1, $2::bytea, $3::timestamptz, $4::interval)",
                            {decision.agent_id, bytes, signed_at, decision.window})
                        .at(0);
    return row.at("reason").value();
}

}  // namespace gateway
