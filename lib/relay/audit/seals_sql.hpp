#pragma once

#include "relay/audit/seal.hpp"
#include "relay/db/transaction.hpp"

#include <string_view>

namespace relay::sql {

/// Lets one session at a time write seals, until its transaction ends.
void begin_seals(db::Transaction &transaction);
std::optional<SealHead> head_of(db::Transaction &transaction);
/// The hash is that of the row.
struct StoredSeal {
    Seal seal{};
    Sha256 hash{};
    bool well_formed = true;  ///< false: the lengths of its columns are wrong
};
/// Returns the next seal after a number. `which`: all; ranges, those with events that were new; completions, the others.
std::optional<StoredSeal> seal_after(db::Transaction &transaction, std::int64_t seal_no, std::string_view which);
/// Adds the next seal, of events up to a number at most, and returns its number; none if there is nothing to seal.
std::optional<std::int64_t> add_seal(db::Transaction &transaction, std::int64_t up_to, std::string const &actor);

/// How many numbers are read at a time. All rows of a number are read together, also if there are several.
constexpr std::int64_t numbers_per_step = 5'000;
/// Returns the entries of the rows of a range of numbers, in the order of the numbers.
std::vector<SealEntry> entries_between(db::Transaction &transaction, std::int64_t after, std::int64_t up_to);
/// Returns the lowest number of a row after `after`, up to `up_to`.
std::optional<std::int64_t> next_event_id(db::Transaction &transaction, std::int64_t after, std::int64_t up_to);

struct UnsealedRows {
    std::int64_t count = 0;
    std::int64_t ranges = 0;  ///< of numbers_per_step numbers that have any
    std::optional<Instant> since{};
};
UnsealedRows rows_after(db::Transaction &transaction, std::int64_t event_id);

/// Returns how many rows no seal has, of the months before the last `keep` whole ones; 0 if nothing was ever sealed.
std::int64_t unsealed_before(db::Transaction &transaction, int keep);

struct DroppedMonth {
    std::uint16_t month = 0;  ///< as in SealEntry
    std::string name{};  ///< "2026-11"
    std::int64_t rows = 0;
    std::int64_t first_event_id = 0;
    std::int64_t last_event_id = 0;
};
/// Returns the months that have no partition because retention has dropped them: relay.retention_drops has them, an event
/// has the same figures, and they were old enough.
std::vector<DroppedMonth> dropped_months(db::Transaction &transaction);

}  // namespace relay::sql
