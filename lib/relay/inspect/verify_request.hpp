#pragma once

#include "relay/db/database.hpp"
#include "relay/identity/states.hpp"
#include "relay/signing/signed_request.hpp"

#include <optional>
#include <string>
#include <vector>

namespace relay {

/// The checks of a signed request, in the order in which a gateway makes them.
enum class RequestCheck { form, window, body, state, signature, nonce };

template <>
struct EnumText<RequestCheck> {
    static constexpr auto words = std::to_array<EnumWord<RequestCheck>>({{RequestCheck::form, "form"},
                                                                         {RequestCheck::window, "window"},
                                                                         {RequestCheck::body, "body"},
                                                                         {RequestCheck::state, "state"},
                                                                         {RequestCheck::signature, "signature"},
                                                                         {RequestCheck::nonce, "nonce"}});
};

/// `unknown`: it cannot be found out from the request alone.
enum class CheckResult { passed, failed, unknown };

template <>
struct EnumText<CheckResult> {
    static constexpr auto words = std::to_array<EnumWord<CheckResult>>(
        {{CheckResult::passed, "passed"}, {CheckResult::failed, "failed"}, {CheckResult::unknown, "unknown"}});
};

struct RequestFinding {
    RequestCheck check{};
    CheckResult result = CheckResult::passed;
    std::string detail{};
};

struct RequestVerification {
    KeyVerdict reason = KeyVerdict::ok;  ///< of the first check that failed
    std::vector<RequestFinding> findings{};
    std::optional<KeyId> key_id{};
    std::optional<Instant> signed_at{};
    std::optional<AgentId> agent_id{};
    std::optional<OrgId> org_id{};
    std::optional<KeyAlgorithm> algorithm{};
    Instant at{};
    std::string db_role{};
};

/// Returns what a gateway would find if the request came now, without leaving a trace in the database.
RequestVerification verify_request(db::Database &database, signing::SignedRequest const &request);
/// Returns the verification of a request whose form is refused, for which no database is asked.
RequestVerification malformed_request(std::string const &why);

}  // namespace relay
