#pragma once

#include "relay/crypto/key_hash.hpp"
#include "relay/db/transaction.hpp"
#include "relay/model/ids.hpp"

namespace relay::sql {

struct OrgToken {
    KeyId token_id;
    Instant created_at{};
};

/// Returns the organization's live admin token, if it has one.
std::optional<OrgToken> live_token(db::Transaction &transaction, OrgId const &org);

void insert_token(db::Transaction &transaction, KeyId const &id, KeyHash const &hash, OrgId const &org,
                  Note const &created_by);

/// Revokes the organization's live token, if it has one; returns its id.
std::optional<KeyId> revoke_live_token(db::Transaction &transaction, OrgId const &org);

bool is_live_token(db::Transaction &transaction, KeyId const &id);
/// Revokes one token. Returns false if it was revoked before.
bool revoke_token(db::Transaction &transaction, KeyId const &id);

}  // namespace relay::sql
