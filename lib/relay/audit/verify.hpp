#pragma once

#include "relay/audit/seal.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

/// Proof that events are as they were sealed: those in the database, or those of an archive.
namespace relay {

/// Where a row of an archive is.
struct ArchivePlace {
    std::size_t file = 0;  ///< the first is 0
    std::size_t line = 0;  ///< the first is 1
};

/// The first thing that is wrong.
struct AuditFault {
    std::string
        what{};  ///< "altered", "missing", "added"; "seal_altered", "seal_missing", "head_differs", "not_sealed"
    std::optional<std::int64_t> event_id{};
    std::optional<std::int64_t> seal_no{};
    std::string text{};  ///< in words
    std::optional<ArchivePlace> place{};  ///< of a row that is in an archive
};

struct AuditVerification {
    std::int64_t seals = 0;  ///< checked
    std::int64_t rows = 0;  ///< that are as they were sealed
    std::int64_t dropped_rows = 0;  ///< of months that were dropped, as relay.retention_drops says
    std::vector<std::string> dropped_months{};  ///< in their order
    std::vector<std::string> archive_months{};  ///< of which an archive has every sealed event, in their order
    std::int64_t altered = 0;
    std::int64_t missing = 0;
    std::int64_t added = 0;
    std::optional<AuditFault> fault{};  ///< none: everything sealed is as it was
    std::optional<SealHead> head{};  ///< of the database
    std::int64_t unsealed_rows = 0;  ///< after the last seal, or still missing from an open one: they prove nothing
    std::optional<Instant> unsealed_since{};
    Instant at{};
    std::string db_role{};
};

struct VerifyAudit {
    std::optional<SealHead> head{};  ///< the copy from elsewhere
};
/// Checks the chain and every sealed row. It reads in several transactions, because rows and seals are never changed.
AuditVerification verify_audit(db::Database &database, VerifyAudit const &request);

/// A row of an archive, without its texts.
struct ArchivedEvent {
    SealEntry entry{};
    Instant occurred_at{};
    ArchivePlace place{};
};

struct VerifyArchive {
    std::optional<SealHead> head{};
    std::function<std::optional<ArchivedEvent>()> next{};  ///< returns the rows in the order of their numbers
    bool partial = false;  ///< an archive that need not have all events of a month
};
/// Checks the chain, and the rows of an archive instead of those in the database: their months may have been dropped. If
/// the archive has any event of a month, it must have every sealed event of that month.
AuditVerification verify_archive(db::Database &database, VerifyArchive const &request);

}  // namespace relay
