#pragma once

#include "relay/db/database.hpp"
#include "relay/identity/records.hpp"
#include "relay/identity/which_agents.hpp"
#include "relay/model/page.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

/// Keys that are due: their age or their expiry asks their owner to act.
namespace relay {

/// Why a key is due.
enum class DueReason {
    age,  ///< it is as old as the policy of its agent or organization allows
    expiry,  ///< it expires, and no rotation changes that
    delivery,  ///< it is staged: its delivery was not confirmed, and the store may no longer take it
    missing,  ///< it was the last key of an agent that is not revoked
};

template <>
struct EnumText<DueReason> {
    static constexpr auto words = std::to_array<EnumWord<DueReason>>({{DueReason::age, "age"},
                                                                      {DueReason::expiry, "expiry"},
                                                                      {DueReason::delivery, "delivery"},
                                                                      {DueReason::missing, "missing"}});
};

/// An agent's active or staged key that is due, or the last key of an agent that has no such key; and whose it is.
struct DueKey {
    KeyId key_id;
    AgentId agent_id;
    OrgId org_id;
    std::string agent_name{};
    std::optional<OwnerName> owner{};
    std::vector<Label> labels{};
    DueReason reason = DueReason::age;
    Instant at{};  ///< when it is, or was, due
    bool overdue = false;  ///< that time has passed
    bool expired = false;  ///< gateways refuse it
    bool blocked = false;
    Instant created_at{};
    std::optional<Instant> expires_at{};
    std::optional<Instant> last_used_at{};
};

/// How many of an owner's keys are due.
struct DueOwner {
    std::optional<OwnerName> owner{};  ///< none: agents without an owner
    std::int64_t keys = 0;
    std::int64_t overdue = 0;
    Instant first_at{};  ///< when the first of them is due
};

struct DueRequest {
    std::chrono::seconds within{};  ///< also keys that will be due in this time; missing ones always
    std::optional<OrgId> org{};
    WhichAgents which{};
    PageRequest page{};  ///< without `after`
};

/// Returns the fields that `page.sort` can name.
std::vector<std::string> due_key_sort_fields();
std::vector<std::string> due_owner_sort_fields();

/// Lists due keys; without `page.sort`, the most urgent first. Throws Error: not_found, no such organization.
ListEnd list_due_keys(db::Database &database, DueRequest const &request, EachItem<DueKey> const &each);

/// Lists the owners of due keys, by name; agents without an owner come last, as one. Throws as list_due_keys.
ListEnd list_due_owners(db::Database &database, DueRequest const &request, EachItem<DueOwner> const &each);

}  // namespace relay
