#include "relay/inspect/verify_request.hpp"

#include "relay/identity/use_case.hpp"
#include "relay/inspect/verify_request_sql.hpp"
#include "relay/model/format_text.hpp"

#include <fmt/format.h>

namespace relay {
namespace {

constexpr std::size_t proof_size = 32;

void add(RequestVerification &verification, RequestCheck check, KeyVerdict verdict, std::string detail) {
    bool const passed = verdict == KeyVerdict::ok;
    verification.findings.push_back(
        {check, passed ? CheckResult::passed : CheckResult::failed, passed ? std::string() : std::move(detail)});
    if (verification.reason == KeyVerdict::ok) {
        verification.reason = verdict;
    }
}

void add_unknown(RequestVerification &verification, RequestCheck check, std::string detail) {
    verification.findings.push_back({check, CheckResult::unknown, std::move(detail)});
}

void check_body(RequestVerification &verification, signing::SignedRequest const &request) {
    add(verification, RequestCheck::body, request.body_fits ? KeyVerdict::ok : KeyVerdict::digest_mismatch,
        "the body does not have the digest that is signed");
}

void check_signature(RequestVerification &verification, signing::SignedRequest const &request,
                     sql::SignedAnswer const &answer) {
    bool const is_proof = request.signature.size() == proof_size;
    bool const fits = is_proof == (answer.algorithm == KeyAlgorithm::sha256d);
    bool const is_right = fits && (is_proof ? answer.proven
                                            : answer.public_key.has_value() &&
                                                  answer.public_key->verifies_bytes(request.base, request.signature));
    add(verification, RequestCheck::signature, is_right ? KeyVerdict::ok : KeyVerdict::bad_signature,
        fits ? "it is not one of this key for this method, path, query and digest at " + request.authority
             : fmt::format("it has {} bytes, but the key is {}", request.signature.size(), answer.algorithm));
}

}  // namespace

RequestVerification verify_request(db::Database &database, signing::SignedRequest const &request) {
    return database.transact(reading(), [&](db::Transaction &transaction) {
        RequestVerification found{.key_id = request.key_id, .signed_at = request.created};
        found.at = transaction.now();
        found.db_role = transaction.db_role();
        add(found, RequestCheck::form, KeyVerdict::ok, {});
        auto const answer = sql::verify_signed(transaction, request);
        if (!answer) {
            add_unknown(found, RequestCheck::window, "it is that of the agent, which is not known");
            check_body(found, request);
            add(found, RequestCheck::state, KeyVerdict::unknown_key, "no key has this id");
            add_unknown(found, RequestCheck::signature, "there is no key to check it with");
            add_unknown(found, RequestCheck::nonce, "the policy of the agent says whether it counts");
            return found;
        }
        found.agent_id = answer->agent_id;
        found.org_id = answer->org_id;
        found.algorithm = answer->algorithm;
        add(found, RequestCheck::window, answer->untimely.value_or(KeyVerdict::ok),
            fmt::format("it was signed at {}, and it is {}", format_instant_seconds(request.created),
                        format_instant_seconds(found.at)));
        check_body(found, request);
        add(found, RequestCheck::state, answer->standing,
            fmt::format("key {} of agent {}: {}", request.key_id, answer->agent_id, text_of(answer->standing)));
        check_signature(found, request, *answer);
        add_unknown(found, RequestCheck::nonce,
                    answer->needs_nonce ? "a gateway accepts it once" : "the policy needs none");
        return found;
    });
}

RequestVerification malformed_request(std::string const &why) {
    RequestVerification verification;
    add(verification, RequestCheck::form, KeyVerdict::malformed, why);
    return verification;
}

}  // namespace relay
