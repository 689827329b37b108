#pragma once

#include "relay/db/order_by.hpp"
#include "relay/db/row_stream.hpp"
#include "relay/db/transaction.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/ids.hpp"

#include <map>
#include <optional>
#include <vector>

namespace relay::sql {

/// Inserts an organization. Returns false if the id exists already. Waits for a transaction that is inserting the
/// same id.
bool insert_org(db::Transaction &transaction, OrgId const &id, DisplayName const &name, OrgSettings const &settings,
                Note const &created_by);

std::optional<Org> find_org(db::Transaction &transaction, OrgId const &id);

/// As find_org; throws Error (not_found) that suggests similar ids.
Org get_org(db::Transaction &transaction, OrgId const &id);

/// Locks the organization's row until the transaction ends, so that only one transaction at a time counts its agents
/// against the limit.
void lock_org(db::Transaction &transaction, OrgId const &id);

/// Returns how many more agents each organization may have; no value: no limit. Organizations that do not exist are
/// left out. Locks the organizations with a limit until the end of the transaction.
std::map<OrgId, std::optional<std::int64_t>> free_seats(db::Transaction &transaction, std::vector<OrgId> const &orgs);

void update_org(db::Transaction &transaction, OrgId const &id, std::optional<DisplayName> const &name,
                OrgSettings const &settings);

struct OrgFilter {
    std::optional<std::string> like{};  ///< a LIKE pattern over the id
    bool blocked_only = false;
    std::optional<std::string> after{};
    std::vector<SortField> sort{};
    std::optional<std::int64_t> limit{};
};
/// Returns the fields that organizations can be sorted by.
std::vector<std::string> org_sort_fields();
/// Returns organizations in order of `sort`, then of id.
db::Stream<Org> list_orgs(db::Transaction &transaction, OrgFilter const &filter);

/// Returns who called without a key in the last 7 days.
KeylessCalls keyless_calls(db::Transaction &transaction, OrgId const &id);

/// Returns true if there is an organization other than `id`.
bool has_other_orgs(db::Transaction &transaction, OrgId const &id);

}  // namespace relay::sql
