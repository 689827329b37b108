#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace relay {

/// Returns the bytes of standard base64 with its padding, in the one form that an encoder writes; none: it is another text.
std::optional<std::string> from_base64(std::string_view text);
/// Returns standard base64 with padding.
std::string to_base64(std::string_view bytes);

}  // namespace relay
