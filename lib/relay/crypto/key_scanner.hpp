#pragma once

#include "relay/crypto/api_key.hpp"

#include <array>
#include <cstddef>
#include <map>
#include <string_view>
#include <utility>

namespace relay {

/// Finds keys in any text (a log, a diff, a paste), fed in pieces of any size; a key that is cut by a border of two
/// pieces is found.
/// A key counts if it stands at word borders, its alphabet and range are right and its checksum is true. Keeps no text
/// but the word that is being read, if it may still be a key, in wiped memory. Linear in the text, whatever it holds.
class KeyScanner {
  public:
    struct Found {
        KeyType type{};
        /// Of the whole key: whoever acts on a find must compare it, since a key id is public and a checksum can be
        /// forged.
        KeyHash hash;
    };

    KeyScanner();
    void feed(std::string_view piece);
    /// Ends the text; what stood at its end counts now, each key once. A key id may be found with more than one hash (a
    /// forgery).
    /// The scanner is then as new.
    std::multimap<KeyId, Found> finish();

  private:
    void take(std::string_view run);
    void end_run();

    SecretBuffer m_pending;  ///< the word that is being read: at most as long as a key
    std::size_t m_pending_size = 0;
    bool m_too_long = false;  ///< the word is longer than a key, so it is none
    std::map<std::pair<KeyId, std::array<unsigned char, 32>>, KeyType> m_found;
};

}  // namespace relay
