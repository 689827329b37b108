#include "relay/identity/rotation_request.hpp"

#include "relay/identity/keys_sql.hpp"
#include "relay/identity/operations_sql.hpp"
#include "relay/model/error.hpp"
#include "relay/model/format_text.hpp"

#include <fmt/format.h>

namespace relay {
namespace {

using std::chrono::seconds;

seconds age(Key const &key, Instant now) { return std::chrono::floor<seconds>(now - key.created_at); }

/// Returns one line with everything that makes one request different from another.
std::string canonical_parameters(RotateKey const &request) {
    auto const text = [](std::optional<seconds> const &duration) {
        return duration ? format_duration(*duration) : std::string("-");
    };
    std::string const more = (request.if_missing ? " missing=true" : "") +
                             (request.expires_at ? " expires=" + format_instant(*request.expires_at) : std::string());
    return fmt::format(
        "rotate-key {} grace={} if-older-than={} due-within={} retire-on-first-use={} force={} own-key={}{}",
        request.agent.text(), format_duration(request.grace), text(request.if_older_than), text(request.due_within),
        request.retire_on_first_use, request.force, request.own_key != nullptr ? request.own_key->id().text() : "-",
        more);
}

}  // namespace

std::string reason_to_keep(RotateKey const &request, Key const &active, Instant now) {
    if (request.if_older_than && age(active, now) < *request.if_older_than) {
        return fmt::format("key {} is {} old (limit {})", active.key_id, describe_duration(age(active, now)),
                           describe_duration(*request.if_older_than));
    }
    if (request.due_within && !active.due_at) {
        return fmt::format("key {} is never due by its age", active.key_id);
    }
    if (request.due_within && *active.due_at > now + *request.due_within) {
        return fmt::format("key {} is due at {}", active.key_id, format_instant_seconds(*active.due_at));
    }
    return {};
}

std::optional<Key> claim_rotation(db::Transaction &transaction, RotateKey const &request, OrgId const &org,
                                  OperationId const &operation, KeyId const &new_key) {
    std::string const parameters = canonical_parameters(request);
    auto const earlier = sql::claim_request(transaction, operation, org, *request.request, parameters, new_key);
    if (!earlier) {
        return std::nullopt;
    }
    if (earlier->parameters != parameters) {
        throw Error(ErrorKind::conflict,
                    fmt::format("request {} was used before, for: {}; nothing was changed", request.request->text(),
                                earlier->parameters),
                    {.next = "use a new UUID for a new request"});
    }
    // Any login that may rotate can write such a row. It counts only if this login wrote it, for this agent.
    auto const key = earlier->key_id ? sql::find_key(transaction, *earlier->key_id) : std::nullopt;
    if (earlier->db_role != transaction.db_role() || !key || key->org_id != org || key->agent_id != request.agent) {
        throw Error(
            ErrorKind::conflict,
            fmt::format("request {} was recorded by role {} for {}; nothing was changed", request.request->text(),
                        earlier->db_role, key ? "a key of agent " + key->agent_id.text() : "a key that is not there"),
            {.why = "this login made no such request for this agent", .next = "use a new UUID for a new request"});
    }
    return key;
}

}  // namespace relay
