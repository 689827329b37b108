#pragma once

#include "relay/crypto/sealed_box.hpp"

#include <string>
#include <string_view>

namespace relay::cli {

/// A repository's public key as the GitHub secrets API returns it, and the id that the API expects with a sealed value.
struct SealKey {
    SealingKey key;
    std::string key_id;  ///< letters, digits, `_` and `-`: needs no escaping in JSON
};

/// Makes a SealKey. Throws Error (usage) that says what is wrong, without quoting the texts.
SealKey make_seal_key(std::string key_id, std::string_view key);

/// Reads {"key_id","key"}. Ignores other members, which the API may add. `source` names the text in errors. Throws Error
/// (usage) that says what is wrong.
SealKey parse_seal_key(std::string_view text, std::string const &source);

/// The same from a file, or from stdin for `-`.
SealKey read_seal_key(std::string const &path);

}  // namespace relay::cli
