#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Checks the envelope of a message before an agent handles it; asks no database. Copy it into your receiver.
///
/// `relay-admin schema json message-envelope` has the rules. It checks no signature, so it accepts messages only
/// where they need none.
namespace gateway {

/// All that is wrong with an envelope, whoever sent it: each is "PATH: what". `raw`: the bytes as received.
std::vector<std::string> envelope_problems(std::string_view raw);

struct EnvelopeCheck {
    bool ok = false;
    std::string reason{};  ///< ok envelope_invalid tenant_mismatch agent_mismatch stale unverified
    std::vector<std::string> problems{};
};

using Instant = std::chrono::sys_time<std::chrono::nanoseconds>;

/// Judges an envelope by its rules, its sender and its time. Record every other reason than ok: with
/// relay_api.refuse_message, or as an agent with POST /api/registry/agents/ID/refused.
///
/// `tenant_id`, `agent_id`: the sender as you know it, not as it says: from authenticate, or the owner of the queue. No
/// agent_id: you know its organization only. `window`, `messages`: of its policy; unless messages is optional, a message is
/// unverified.
EnvelopeCheck validate_envelope(std::string_view raw, std::string_view tenant_id,
                                std::optional<std::string_view> agent_id, std::chrono::nanoseconds window,
                                std::string_view messages, Instant now = std::chrono::system_clock::now());

}  // namespace gateway
