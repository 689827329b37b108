#pragma once

#include "cli/output/document.hpp"
#include "relay/model/error.hpp"

#include <optional>

namespace relay::cli {

/// What went wrong with one item of a list: `code`, `message`, `suggestions`. Null without an error.
Value error_value(std::optional<Error> const &error);

}  // namespace relay::cli
