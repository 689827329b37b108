#pragma once

#include "relay/crypto/api_key.hpp"

#include <map>
#include <string_view>

namespace relay {

/// Finds keys in any text (a log, a diff, a paste), fed in pieces of any size; a key that is cut by a border of two pieces is found.
/// A key counts if it stands at word borders, its alphabet and range are right and its checksum is true. Keeps no text but
/// what may be the start of a key, in wiped memory.
class KeyScanner {
  public:
    struct Found {
        KeyType type;
        KeyHash hash;  ///< of the whole key: whoever acts on a find must compare it, since a key id is public and a checksum can be forged
    };

    KeyScanner();
    void feed(std::string_view piece);
    /// Ends the text; what stood at its end counts now. A key id may be found with more than one hash (a forgery).
    std::multimap<KeyId, Found> finish();

  private:
    void examine(std::string_view text, bool at_end);
    SecretBuffer m_pending;
    std::size_t m_pending_size = 0;
    std::multimap<KeyId, Found> m_found;
};

}  // namespace relay
