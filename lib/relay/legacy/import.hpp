#pragma once

#include "relay/crypto/legacy_hash.hpp"
#include "relay/db/database.hpp"
#include "relay/model/attribution.hpp"
#include "relay/model/ids.hpp"

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

/// The inventory of a fleet that carries one shared secret.
namespace relay {

/// A row as its source has it: unchecked text.
struct LegacyRow {
    std::size_t line = 0;  ///< line of a file, or the how many-th row of a table
    std::optional<std::string> agent_id{};
    std::optional<std::string> org_id{};
    std::optional<std::string> name{};
    std::optional<std::string> owner{};
    std::optional<std::string> secret_hash{};
    std::optional<std::vector<std::string>> permissions{};
    bool revoked = false;
    std::string fault{};  ///< why it could not be read
};

struct LegacyFault {
    std::size_t line = 0;
    std::optional<std::string> agent_id{};
    std::string reason{};
};

struct ImportLegacy {
    std::string source{};  ///< for the audit trail
    std::optional<OrgId> org{};  ///< of rows that name none
    bool create_orgs = false;
    LegacySecret *shared_secret = nullptr;  ///< only rows whose hash is of it are taken
    std::optional<std::string>
        orgs_table{};  ///< SCHEMA.TABLE that names those that are made; without it they are called by their id
    std::size_t batch = 1000;  ///< rows of one transaction
    std::function<void(LegacyFault const &)>
        refused{};  ///< is told the rows that are too many for ImportedLegacy::faults
};

struct ImportedLegacy : WriteReceipt {
    std::size_t read = 0;
    std::size_t imported = 0;  ///< new in the inventory
    std::size_t created = 0;  ///< of these: agents that were made
    std::size_t unchanged = 0;
    std::size_t revoked = 0;  ///< made, and shut out as they were in the old relay
    std::size_t own_key = 0;  ///< agents that use a key of their own already
    std::size_t other_secret = 0;
    std::set<OrgId> orgs_created{};
    std::size_t refused = 0;
    std::vector<LegacyFault> faults{};  ///< the first `most_faults` of them, in the order of their lines
    static constexpr std::size_t most_faults = 1000;
};

/// Takes rows in, a batch in each transaction: what is done stays done, and the same rows again converge. A row that cannot be taken in is a
/// fault of its own.
class LegacyImport {
  public:
    LegacyImport(db::Database &database, ImportLegacy request, WriteOptions options);
    ~LegacyImport();
    LegacyImport(LegacyImport const &) = delete;
    LegacyImport &operator=(LegacyImport const &) = delete;

    /// Throws Error, as Database::transact does: unavailable, denied, schema, unknown.
    void add(LegacyRow row);
    /// The rest, and what became of all of them.
    ImportedLegacy finish();

  private:
    struct Impl;
    std::unique_ptr<Impl> m_impl;
};

}  // namespace relay
