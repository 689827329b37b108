#pragma once

#include "cli/output/document.hpp"
#include "relay/model/error.hpp"

#include <optional>
#include <string>

namespace relay::cli {

/// What went wrong with one item of a list: `code`, `message`, `suggestions`. Null without an error.
Value error_value(std::optional<Error> const &error);

/// The message of what failed after a change was made: without "nothing was changed", which would be misread there.
std::string what_failed(Error const &error);

}  // namespace relay::cli
