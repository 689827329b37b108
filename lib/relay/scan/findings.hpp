#pragma once

#include "relay/crypto/api_key.hpp"
#include "relay/scan/encoding.hpp"
#include "relay/scan/lines.hpp"

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace relay::scan {

/// Where something begins in an input, and the encodings that it is behind.
struct Place {
    std::uint64_t offset = 0;  ///< in bytes, from 0
    std::optional<Lines::Position> position{};
    std::vector<Encoding> encodings{};  ///< the outermost first; empty: it is there in clear text
};

/// The first places of something, and how often it is there.
struct Places {
    static constexpr std::size_t most_kept = 16;
    std::vector<Place> first{};
    std::uint64_t count = 0;
    std::uint64_t last = 0;  ///< the largest offset

    void add(Place place);
};

/// A key whose form and checksum are right.
struct FoundKey {
    KeyType type{};
    /// The hash of the whole key. Compare it before you act on a find: a key id is public, a checksum can be forged.
    KeyHash hash{};
    Places places{};
};

/// A part of the text that was not decoded.
struct Unopened {
    std::string_view what{};  ///< "gzip", "gzip in base64"
    Places places{};
};

/// What was found in one input.
struct Findings {
    static constexpr std::size_t most_cut_ids = 1000;

    /// A key id may be found with more than one hash (a forgery).
    std::multimap<KeyId, FoundKey> keys{};
    /// The ids of keys that are cut or damaged, and not found whole in this input; at most `most_cut_ids`.
    std::map<KeyId, Places> cut{};
    bool more_cut = false;  ///< there are more of them than that
    std::vector<Unopened> unopened{};
    std::uint64_t bytes = 0;  ///< how much was read
    /// How many bytes were given to decoders and matchers, counting each again for each of them: the work.
    std::uint64_t steps = 0;
};

/// Takes a whole key in the clear. The text is valid during the call only.
using TakeKey = std::function<void(std::string_view key)>;

/// Collects findings while an input is read. Findings hold no key: for the keys, give `take`, which may get the
/// same key several times.
class Collector {
  public:
    explicit Collector(TakeKey take = {}) : m_take_key(std::move(take)) {}

    Lines lines{};
    std::uint64_t steps = 0;

    void found(std::string_view key, Place place);
    void cut(std::string_view key_id, Place place);
    void unopened(std::string_view what, Place place);
    Place place_of(Origin const &origin, std::vector<Encoding> const &layers) const;
    /// Returns the findings and begins anew.
    Findings take(std::uint64_t bytes);

  private:
    TakeKey m_take_key;
    std::map<std::pair<KeyId, std::array<unsigned char, 32>>, FoundKey> m_keys{};
    Findings m_findings{};
};

}  // namespace relay::scan
