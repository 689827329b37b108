#pragma once

#include "relay/crypto/api_key.hpp"

#include <array>
#include <cstddef>
#include <map>
#include <string_view>
#include <utility>

namespace relay {

/// Finds keys in any text (a log, a diff, a paste) that it gets in pieces of any size, also a key that is split
/// between two pieces.
///
/// A key counts if it is a whole word and its alphabet, range and checksum are right. The only text that the scanner
/// keeps is the current word, while it may still be a key, in memory that is wiped. It takes linear time for any
/// text.
class KeyScanner {
  public:
    struct Found {
        KeyType type{};
        /// The hash of the whole key. Compare it before you act on a find, because a key id is public and a checksum
        /// can be forged.
        KeyHash hash;
    };

    KeyScanner();
    void feed(std::string_view piece);
    /// Ends the text and returns each key once. A key id may be found with more than one hash (a forgery). The
    /// scanner can then be used for another text.
    std::multimap<KeyId, Found> finish();

  private:
    void take(std::string_view run);
    void end_run();

    SecretBuffer m_pending;  ///< the current word: at most as long as a key
    std::size_t m_pending_size = 0;
    bool m_too_long = false;  ///< the current word is longer than a key, so it is not one
    std::map<std::pair<KeyId, std::array<unsigned char, 32>>, KeyType> m_found;
};

}  // namespace relay
