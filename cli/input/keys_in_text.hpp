#pragma once

#include "relay/crypto/api_key.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace relay::cli {

/// What a text holds, as `revoke --scan` reads it: also behind escapes, base64, line ends and other encodings.
struct KeysInText {
    std::vector<ApiKey> whole{};  ///< each once
    std::vector<KeyId> cut{};  ///< the ids of keys that are cut or damaged
    /// What the text is, or has in it, that cannot be looked into: "gzip". Empty if everything was read.
    std::string unopened{};

    std::size_t count() const { return whole.size() + cut.size(); }
};

KeysInText keys_in_text(std::string_view text);

}  // namespace relay::cli
