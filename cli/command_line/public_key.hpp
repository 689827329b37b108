#pragma once

#include "cli/sink/options.hpp"
#include "relay/crypto/signing.hpp"

#include <optional>
#include <string>

/// `--public-key FILE`, of the commands that give an agent a key with which it signs.
namespace relay::cli {

class Context;
class OptionSet;

void declare_public_key(OptionSet &set, std::optional<std::string> &path);

/// Reads the public key in a file, or on stdin for `-`. Throws Error (usage): it is unreadable or not a public key, or
/// `sink` names a place for a secret, which there is not.
VerifyingKey read_public_key(Context &context, std::string const &path, SinkOptions const &sink);

}  // namespace relay::cli
