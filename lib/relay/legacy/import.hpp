#pragma once

#include "relay/crypto/legacy_hash.hpp"
#include "relay/db/database.hpp"
#include "relay/model/attribution.hpp"
#include "relay/model/ids.hpp"
#include "relay/model/time.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// The import of a fleet of agents that share one secret: it fills the inventory of agents to move to their own keys.
namespace relay {

/// What a column that is not one of ours, such as `status`, says about a row, if not that it is in use.
struct LegacyState {
    enum class Says { ended, ends_at, unknown };
    std::string column{};  ///< its name in the source
    std::string text{};
    Says says = Says::unknown;
    std::optional<Instant> at{};  ///< when it ends or ended, if the source has a time
};

/// A row as its source has it: unchecked text.
struct LegacyRow {
    std::size_t line = 0;  ///< the line in the file, or the row's number in the table, from 1
    std::optional<std::string> agent_id{};
    std::optional<std::string> org_id{};
    std::optional<std::string> name{};
    std::optional<std::string> owner{};
    std::optional<std::string> secret_hash{};
    std::optional<std::vector<std::string>> permissions{};
    bool revoked = false;
    std::optional<Instant> revoked_at{};  ///< if the source has a time; a row with a time to come is refused
    std::vector<LegacyState> states{};  ///< a row that is not revoked, and not in use either, is refused
    std::string fault{};  ///< why it could not be read
};

struct LegacyFault {
    std::size_t line = 0;
    std::optional<std::string> agent_id{};
    std::string reason{};
    std::optional<OrgId> missing_org{};  ///< if the reason is that this organization does not exist
};

struct ImportLegacy {
    std::string source{};  ///< for the audit trail
    std::optional<OrgId> org{};  ///< for rows without an org_id
    bool create_orgs = false;
    LegacySecret *shared_secret = nullptr;  ///< if set, imports only rows with a hash of this secret
    std::optional<std::string> orgs_table{};  ///< SCHEMA.TABLE with names of new organizations; none: use the id
    std::size_t batch = 1000;  ///< rows per transaction
    std::function<void(LegacyFault const &)> refused{};  ///< called for refused rows beyond ImportedLegacy::most_faults
};

struct ImportedLegacy : WriteReceipt {
    std::size_t read = 0;
    std::size_t imported = 0;  ///< new in the inventory
    std::size_t created = 0;  ///< of these, new agents
    std::size_t unchanged = 0;
    std::size_t revoked = 0;  ///< created and revoked, because they were revoked in the old relay
    std::map<std::string, std::size_t> ends_later{};  ///< columns with a time to come, which is not kept: rows
    std::size_t own_key = 0;  ///< agents that already use their own key
    std::size_t other_secret = 0;
    std::set<OrgId> orgs_created{};
    std::map<OrgId, std::size_t> orgs_missing{};  ///< organizations that do not exist, and how many rows they cost
    std::size_t refused = 0;
    /// The first `most_faults`, in order of line. Rows whose organization is missing come in only if there is room.
    std::vector<LegacyFault> faults{};
    static constexpr std::size_t most_faults = 1000;
};

/// Imports rows, one batch per transaction. A committed batch remains, and importing the same rows again converges. A
/// row that cannot be imported is refused alone.
class LegacyImport {
  public:
    LegacyImport(db::Database &database, ImportLegacy request, WriteOptions options);
    ~LegacyImport();
    LegacyImport(LegacyImport const &) = delete;
    LegacyImport &operator=(LegacyImport const &) = delete;

    /// Throws Error, as Database::transact does: unavailable, denied, schema, unknown.
    void add(LegacyRow row);
    /// Imports the remaining rows and returns the result for all of them.
    ImportedLegacy finish();

  private:
    struct Impl;
    std::unique_ptr<Impl> m_impl;
};

}  // namespace relay
