#include "relay/inspect/verify_request_sql.hpp"

#include "relay/crypto/sha256.hpp"

namespace relay::sql {
namespace {

constexpr auto verify_sql = R"sql(
SELECT algorithm, untimely, standing, agent_id, org_id, proven, encode(public_key, 'base64') AS public_key, needs_nonce
FROM relay.verify_signed($1, $2::bytea, $3::bytea, $4::timestamptz))sql";

std::string bytea(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text = "\\x";
    for (char const c : bytes) {
        auto const byte = static_cast<unsigned char>(c);
        text += digits[byte >> 4];
        text += digits[byte & 0xf];
    }
    return text;
}

}  // namespace

std::optional<SignedAnswer> verify_signed(db::Transaction &transaction, signing::SignedRequest const &request) {
    db::Rows const rows = transaction.exec(verify_sql, {request.key_id, "\\x" + Sha256::of(request.base).hex(),
                                                        bytea(request.signature), request.created});
    db::Row const row = rows.one();
    auto const agent = row.optional_id<AgentId>("agent_id");
    if (!agent) {
        return std::nullopt;
    }
    auto const public_key = row.optional_text("public_key");
    return SignedAnswer{
        .agent_id = *agent,
        .org_id = row.id<OrgId>("org_id"),
        .algorithm = row.value<KeyAlgorithm>("algorithm"),
        .untimely = row.optional_value<KeyVerdict>("untimely"),
        .standing = row.value<KeyVerdict>("standing"),
        .proven = row.boolean("proven"),
        .public_key = public_key ? std::optional(VerifyingKey::parse(*public_key)) : std::nullopt,
        .needs_nonce = row.boolean("needs_nonce"),
    };
}

}  // namespace relay::sql
