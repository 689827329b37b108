#pragma once

#include "relay/audit/seal_chain.hpp"
#include "relay/audit/sealed_entries.hpp"

#include <map>

namespace relay {

/// A row of auth_events as it is now.
struct ComparedRow {
    SealEntry entry{};
    std::optional<ArchivePlace> place{};  ///< in an archive; none: in the database
};

/// The entries of a month that have no row.
struct MissingEntries {
    std::int64_t count = 0;
    SealedEntry first{};
    SealedEntry last{};
};

/// Compares rows with their entries. Both are read in the order of their numbers, so little is in memory, however many
/// seals are incomplete.
class RowComparison {
  public:
    explicit RowComparison(SealChain const &chain)
        : m_complete(chain.complete_up_to()), m_entries(chain.last().seal_no) {}

    /// `rows`: all that have numbers up to `up_to` and were not compared yet.
    void compare(db::Transaction &transaction, std::vector<ComparedRow> const &rows, std::int64_t up_to);

    /// By month. Why an entry has no row is decided at the end: a month may be dropped while the rows are read.
    std::map<std::uint16_t, MissingEntries> const &missing() const { return m_missing; }
    /// Counts missing rows that nothing explains, from an entry on. `text` names the fault.
    void miss(SealedEntry const &first, std::int64_t count, std::string text);
    /// The months of the entries that have a row, as they were sealed.
    std::map<std::uint16_t, std::int64_t> const &present() const { return m_present; }
    bool is_unsealed(SealEntry const &row) const { return row.event_id > m_complete; }
    /// Puts the counts, and the first fault if there is none yet, into the result.
    void report(AuditVerification &result) const;

  private:
    void compare_with(SealedEntry const &entry, ComparedRow const &row);
    void add(ComparedRow const &row);
    void fault(AuditFault fault);

    std::int64_t m_complete;
    SealedEntries m_entries;
    std::optional<std::int64_t> m_previous{};  ///< the number of the row before
    std::map<std::uint16_t, MissingEntries> m_missing{};
    std::map<std::uint16_t, std::int64_t> m_present{};
    AuditVerification m_counts{};
    std::optional<AuditFault> m_first{};
};

/// Returns "event 17".
std::string event_text(std::int64_t event_id);
/// Returns the name of a month as in SealEntry: "2026-11".
std::string month_name(std::uint16_t month);

}  // namespace relay
