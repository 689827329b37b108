#pragma once

#include "relay/audit/seal.hpp"
#include "relay/db/transaction.hpp"

#include <set>

namespace relay::sql {

/// Lets one session at a time write seals, until its transaction ends.
void begin_seals(db::Transaction &transaction);
/// Returns the last seal, without its entries.
std::optional<Seal> last_seal(db::Transaction &transaction);
std::optional<SealHead> head_of(db::Transaction &transaction);
/// Returns seals after a number in their order, at most `most`; the hash is that of the row.
struct StoredSeal {
    Seal seal{};
    Sha256 hash{};
    bool well_formed = true;  ///< false: the lengths of its columns are wrong
};
std::vector<StoredSeal> seals_after(db::Transaction &transaction, std::int64_t seal_no, int most);
/// Returns the end of the last closed seal; 0 if there is none.
std::int64_t last_closed_end(db::Transaction &transaction);
void add_seal(db::Transaction &transaction, Seal const &seal, Sha256 const &hash);

/// Returns the entries of the rows of a range of numbers, in the order of the numbers, at most `most`.
std::vector<SealEntry> entries_between(db::Transaction &transaction, std::int64_t after, std::int64_t up_to,
                                       std::int64_t most);
/// Returns the lowest number of a row after `after`, up to `up_to`.
std::optional<std::int64_t> next_event_id(db::Transaction &transaction, std::int64_t after, std::int64_t up_to);

struct UnsealedRows {
    std::int64_t count = 0;
    std::optional<Instant> since{};
};
UnsealedRows rows_after(db::Transaction &transaction, std::int64_t event_id);

struct DroppedMonth {
    std::uint16_t month = 0;  ///< as in SealEntry
    std::string name{};  ///< "2026-11"
};
/// Returns the months that were dropped, as recorded, and have no partition.
std::vector<DroppedMonth> dropped_months(db::Transaction &transaction);

}  // namespace relay::sql
