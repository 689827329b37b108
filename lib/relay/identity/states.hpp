#pragma once

#include "relay/model/text_of.hpp"

/// The states and kinds of organizations, agents and keys, each with its texts in the database, in JSON and on the
/// command line.
namespace relay {

/// What the billing system says of a subscription. With past_due and cancelled, the plan ends at a known time.
enum class SubscriptionState { active, past_due, cancelled };

template <>
struct EnumText<SubscriptionState> {
    static constexpr auto words =
        std::to_array<EnumWord<SubscriptionState>>({{SubscriptionState::active, "active"},
                                                    {SubscriptionState::past_due, "past_due"},
                                                    {SubscriptionState::cancelled, "cancelled"}});
};

/// Whether gateways require a key. `optional`: they also accept calls without one, while agents are getting their
/// keys.
enum class AuthMode { optional, required };

template <>
struct EnumText<AuthMode> {
    static constexpr auto words =
        std::to_array<EnumWord<AuthMode>>({{AuthMode::optional, "optional"}, {AuthMode::required, "required"}});
};

/// How gateways treat an organization or an agent: by its own blocks and revocations and, for an agent, its
/// organization's.
enum class Status { active, blocked, revoked };

template <>
struct EnumText<Status> {
    static constexpr auto words = std::to_array<EnumWord<Status>>(
        {{Status::active, "active"}, {Status::blocked, "blocked"}, {Status::revoked, "revoked"}});
};

/// The state in the row of a key. A staged key is accepted as an active one; a command delivers it to a store, and it
/// becomes active when that is confirmed.
enum class KeyState { staged, active, retiring, retired, revoked };

template <>
struct EnumText<KeyState> {
    static constexpr auto words = std::to_array<EnumWord<KeyState>>({{KeyState::staged, "staged"},
                                                                     {KeyState::active, "active"},
                                                                     {KeyState::retiring, "retiring"},
                                                                     {KeyState::retired, "retired"},
                                                                     {KeyState::revoked, "revoked"}});
};

/// A key's state by the clock and by revocations, as a gateway sees it, ignoring blocks.
enum class KeyStatus { staged, active, retiring, expired, retired, revoked };

template <>
struct EnumText<KeyStatus> {
    static constexpr auto words = std::to_array<EnumWord<KeyStatus>>({{KeyStatus::staged, "staged"},
                                                                      {KeyStatus::active, "active"},
                                                                      {KeyStatus::retiring, "retiring"},
                                                                      {KeyStatus::expired, "expired"},
                                                                      {KeyStatus::retired, "retired"},
                                                                      {KeyStatus::revoked, "revoked"}});
};

/// What the database stores of a key, and so how its agent shows that it holds it.
enum class KeyAlgorithm {
    sha256d,  ///< a hash of a hash; the agent shows the key, or a proof
    ed25519,  ///< a public key; the agent signs
};

template <>
struct EnumText<KeyAlgorithm> {
    static constexpr auto words =
        std::to_array<EnumWord<KeyAlgorithm>>({{KeyAlgorithm::sha256d, "sha256d"}, {KeyAlgorithm::ed25519, "ed25519"}});
};

/// Why a key is accepted or refused: the words of relay_api.authenticate, and two that need no database.
enum class KeyVerdict {
    ok,
    unknown_key,
    expired,
    retired,
    revoked,
    blocked,
    signature_required,  ///< the key is good, and must sign instead of being shown
    address_not_allowed,
    agent_mismatch,
    org_mismatch,
    over_limit,  ///< the plan of its organization has no seat for its agent
    bad_signature,  ///< this and the next three: of a signed request
    too_old,
    too_early,
    digest_mismatch,  ///< its body is not the one that was signed
    malformed,  ///< its form or its checksum is wrong
    admin_token,  ///< an organization's token, not an agent's key
    device_token,  ///< a refresh token of a device
};

template <>
struct EnumText<KeyVerdict> {
    static constexpr auto words =
        std::to_array<EnumWord<KeyVerdict>>({{KeyVerdict::ok, "ok"},
                                             {KeyVerdict::unknown_key, "unknown_key"},
                                             {KeyVerdict::expired, "expired"},
                                             {KeyVerdict::retired, "retired"},
                                             {KeyVerdict::revoked, "revoked"},
                                             {KeyVerdict::blocked, "blocked"},
                                             {KeyVerdict::signature_required, "signature_required"},
                                             {KeyVerdict::address_not_allowed, "address_not_allowed"},
                                             {KeyVerdict::agent_mismatch, "agent_mismatch"},
                                             {KeyVerdict::org_mismatch, "org_mismatch"},
                                             {KeyVerdict::over_limit, "over_limit"},
                                             {KeyVerdict::bad_signature, "bad_signature"},
                                             {KeyVerdict::too_old, "too_old"},
                                             {KeyVerdict::too_early, "too_early"},
                                             {KeyVerdict::digest_mismatch, "digest_mismatch"},
                                             {KeyVerdict::malformed, "malformed"},
                                             {KeyVerdict::admin_token, "admin_token"},
                                             {KeyVerdict::device_token, "device_token"}});
};

/// The decision of a gateway about a device, which also depends on its agent and its organization.
enum class DeviceStatus { active, blocked, revoked, expired };

template <>
struct EnumText<DeviceStatus> {
    static constexpr auto words = std::to_array<EnumWord<DeviceStatus>>({{DeviceStatus::active, "active"},
                                                                         {DeviceStatus::blocked, "blocked"},
                                                                         {DeviceStatus::revoked, "revoked"},
                                                                         {DeviceStatus::expired, "expired"}});
};

/// What kind of secret a hash belongs to.
enum class SecretKind {
    key,
    token,  ///< an organization's admin token
    device,  ///< a refresh token of a device
};

template <>
struct EnumText<SecretKind> {
    static constexpr auto words = std::to_array<EnumWord<SecretKind>>(
        {{SecretKind::key, "key"}, {SecretKind::token, "token"}, {SecretKind::device, "device"}});
};

/// Whether a subject is refused for a while or permanently.
enum class StandingKind { block, revoke };

template <>
struct EnumText<StandingKind> {
    static constexpr auto words =
        std::to_array<EnumWord<StandingKind>>({{StandingKind::block, "block"}, {StandingKind::revoke, "revoke"}});
};

/// Returns the status that a block or revocation gives its subject.
constexpr Status status_of(StandingKind kind) {
    return kind == StandingKind::block ? Status::blocked : Status::revoked;
}

enum class Outcome { ok, failed };

template <>
struct EnumText<Outcome> {
    static constexpr auto words = std::to_array<EnumWord<Outcome>>({{Outcome::ok, "ok"}, {Outcome::failed, "failed"}});
};

}  // namespace relay
