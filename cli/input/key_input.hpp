#pragma once

#include "cli/context.hpp"
#include "relay/crypto/api_key.hpp"

#include <optional>
#include <string>

namespace relay::cli {

/// What was found where a key was expected.
struct KeyInput {
    std::optional<ApiKey> key{};  ///< none: there is something that begins like a key, but is none
    std::string fault{};  ///< then: what is wrong with it, without quoting it
};

/// Reads a key from stdin; at a terminal asks for it, without an echo. The text is kept in wiped memory alone.
/// Throws Error: usage, as find_key, or stdin cannot be read, or nobody can be asked (--no-input); declined, at Ctrl-D.
KeyInput read_key_from_stdin(Context &context);

/// The one key in a text: the raw key with at most one newline behind it, or any text that holds one, as the line RELAY_API_KEY=... of an
/// env file or the JSON of --secret-format. Throws Error (usage) for no key, or several different ones.
KeyInput find_key(std::string_view text);

}  // namespace relay::cli
