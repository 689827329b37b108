#include "relay/legacy/issued_keys.hpp"

#include "relay/identity/use_case.hpp"
#include "relay/legacy/issue_sql.hpp"

namespace relay {
namespace {

constexpr std::int64_t keys_page_size = 5000;

}  // namespace

void read_issued_legacy(db::Database &database, std::optional<OrgId> const &org,
                        std::function<void(IssuedLegacyKey const &)> const &take) {
    std::vector<IssuedLegacyKey> page;
    do {
        std::optional<AgentId> const after = page.empty() ? std::nullopt : std::optional(page.back().agent_id);
        database.transact(reading(), [&](db::Transaction &transaction) {
            page = sql::issued_legacy_keys(transaction, org, after, keys_page_size);
        });
        for (IssuedLegacyKey const &key : page) {
            take(key);
        }
    } while (page.size() == static_cast<std::size_t>(keys_page_size));
}

}  // namespace relay
