#include "relay/scan/findings.hpp"

#include "relay/crypto/key_format.hpp"

#include <algorithm>

namespace relay::scan {

void Places::add(Place place) {
    // Two decoders may read the same text, such as both columns of a hex dump. The second one is a little behind.
    bool const is_known =
        first.size() == most_kept
            ? place.offset <= last
            : std::any_of(first.begin(), first.end(), [&](Place const &one) { return one.offset == place.offset; });
    if (is_known) {
        return;
    }
    ++count;
    last = std::max(last, place.offset);
    if (first.size() < most_kept) {
        first.push_back(std::move(place));
    }
}

void Collector::found(std::string_view key, Place place) {
    KeyHash const hash = KeyHash::of(KeyDigest::of(key));
    KeyId id = KeyId::parse(key.substr(detail::key_id_at, KeyId::length));
    FoundKey &found = m_keys[{std::move(id), hash.bytes}];
    found.type = detail::type_of(key);
    found.hash = hash;
    found.places.add(std::move(place));
    if (m_take_key) {
        m_take_key(key);
    }
}

void Collector::cut(std::string_view key_id, Place place) {
    KeyId const id = KeyId::parse(key_id);
    if (m_findings.cut.size() < Findings::most_cut_ids || m_findings.cut.contains(id)) {
        m_findings.cut[id].add(std::move(place));
    } else {
        m_findings.more_cut = true;
    }
}

void Collector::unopened(std::string_view what, Place place) {
    auto &all = m_findings.unopened;
    auto at = std::find_if(all.begin(), all.end(), [&](Unopened const &one) { return one.what == what; });
    if (at == all.end()) {
        at = all.insert(all.end(), {.what = what});
    }
    at->places.add(std::move(place));
}

Place Collector::place_of(Origin const &origin, std::vector<Encoding> const &layers) const {
    Place place{.offset = origin.offset, .position = lines.position_of(origin.offset)};
    append_marks(place.encodings, origin.outer);
    place.encodings.insert(place.encodings.end(), layers.begin(), layers.end());
    append_marks(place.encodings, origin.marks);
    return place;
}

Findings Collector::take(std::uint64_t bytes) {
    Findings result = std::exchange(m_findings, {});
    for (auto &[key, found] : std::exchange(m_keys, {})) {
        result.cut.erase(key.first);
        result.keys.emplace(key.first, std::move(found));
    }
    result.bytes = bytes;
    result.steps = std::exchange(steps, 0);
    lines = Lines();
    return result;
}

}  // namespace relay::scan
