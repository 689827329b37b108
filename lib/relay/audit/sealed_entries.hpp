#pragma once

#include "relay/audit/seals_sql.hpp"

#include <array>

namespace relay {

struct SealedEntry {
    SealEntry entry{};
    std::int64_t seal_no = 0;
};

/// The entries of all seals, in the order of the numbers of their events. Seals with new events have theirs in that order,
/// and so have seals that complete earlier ones, so it merges these two and has two seals in memory.
class SealedEntries {
  public:
    /// `last`: the last seal that is proven; later ones do not count.
    explicit SealedEntries(std::int64_t last) : m_last(last) {}
    /// Takes the next entry up to a number; none if there is no other.
    std::optional<SealedEntry> next(db::Transaction &transaction, std::int64_t up_to);

  private:
    struct Source {
        std::string_view which{};
        std::int64_t seal_no = 0;
        std::vector<SealEntry> entries{};
        std::size_t at = 0;
        bool ended = false;
    };
    bool fill(db::Transaction &transaction, Source &source) const;

    std::int64_t m_last;
    std::array<Source, 2> m_sources{Source{.which = "ranges"}, Source{.which = "completions"}};
};

}  // namespace relay
