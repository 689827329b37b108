#pragma once

#include "cli/context.hpp"
#include "relay/crypto/api_key.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relay::cli {

/// What was found where a key was expected.
struct KeyInput {
    std::optional<ApiKey> key{};  ///< none if the text begins like a key but is not one
    std::string fault{};  ///< if so, what is wrong with it; does not quote it
};

/// Reads a key from stdin; at a terminal, asks for it without echo. The text is only ever in wiped memory. Throws
/// Error: usage as find_key does, or if stdin is unreadable or asking is not possible (--no-input); declined at Ctrl-D.
KeyInput read_key_from_stdin(Context &context);

/// Returns the one key in a text: the raw key with at most one newline after it, or any text that contains one key,
/// such as the line RELAY_API_KEY=... of an env file or the JSON of --secret-format, read as keys_in_text reads it.
/// Throws Error (usage) if there is no key, or several different ones; it names what cannot be looked into.
KeyInput find_key(std::string_view text);

}  // namespace relay::cli
