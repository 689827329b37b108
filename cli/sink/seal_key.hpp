#pragma once

#include "relay/crypto/sealed_box.hpp"

#include <string>
#include <string_view>

namespace relay::cli {

/// A repository's public key as the GitHub secrets API gives it, and the name by which the API wants it back.
struct SealKey {
    SealingKey key;
    std::string key_id;  ///< letters, digits, `_` and `-`: needs no escaping in JSON
};

/// Throws Error (usage): what is wrong with one of them; the texts are not quoted.
SealKey make_seal_key(std::string key_id, std::string_view key);

/// Reads {"key_id","key"} (other members are ignored, as the API may add some) from a file, or from stdin for `-`.
/// Throws Error (usage) that says what is wrong.
SealKey read_seal_key(std::string const &path);

}  // namespace relay::cli
