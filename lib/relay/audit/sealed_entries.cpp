#include "relay/audit/sealed_entries.hpp"

namespace relay {

/// Returns whether the source has another entry.
bool SealedEntries::fill(db::Transaction &transaction, Source &source) const {
    while (source.at == source.entries.size() && !source.ended) {
        auto stored = sql::seal_after(transaction, source.seal_no, source.which);
        if (!stored || stored->seal.seal_no > m_last) {
            source.ended = true;
            break;
        }
        source.seal_no = stored->seal.seal_no;
        source.entries = std::move(stored->seal.entries);
        source.at = 0;
    }
    return source.at < source.entries.size();
}

std::optional<SealedEntry> SealedEntries::next(db::Transaction &transaction, std::int64_t up_to) {
    Source *first = nullptr;
    for (Source &source : m_sources) {
        if (fill(transaction, source) &&
            (first == nullptr || source.entries[source.at].event_id < first->entries[first->at].event_id)) {
            first = &source;
        }
    }
    if (first == nullptr || first->entries[first->at].event_id > up_to) {
        return std::nullopt;
    }
    return SealedEntry{.entry = first->entries[first->at++], .seal_no = first->seal_no};
}

}  // namespace relay
