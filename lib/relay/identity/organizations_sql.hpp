#pragma once

#include "relay/db/transaction.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/ids.hpp"

namespace relay::sql {

/// False if the id exists already; waits for a transaction that is inserting it.
bool insert_org(db::Transaction &transaction, OrgId const &id, DisplayName const &name, OrgSettings const &settings,
                Note const &created_by);

std::optional<Org> find_org(db::Transaction &transaction, OrgId const &id);

/// As find_org; throws Error (not_found) with ids that are close.
Org get_org(db::Transaction &transaction, OrgId const &id);

/// Holds the organization's row until the end: agents of an organization with a limit are counted one at a time.
void lock_org(db::Transaction &transaction, OrgId const &id);

void update_org(db::Transaction &transaction, OrgId const &id, std::optional<DisplayName> const &name,
                OrgSettings const &settings);

struct OrgFilter {
    std::optional<std::string> like{};  ///< a LIKE pattern over the id
    bool blocked_only = false;
    std::optional<std::string> after{};
    std::optional<std::int64_t> limit{};
};
/// In order of id.
std::vector<Org> list_orgs(db::Transaction &transaction, OrgFilter const &filter);

/// Who has called without a key in the last 7 days.
KeylessCalls keyless_calls(db::Transaction &transaction, OrgId const &id);

/// True if there is any organization but `id`.
bool has_other_orgs(db::Transaction &transaction, OrgId const &id);

}  // namespace relay::sql
