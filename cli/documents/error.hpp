#pragma once

#include "cli/output/document.hpp"
#include "relay/model/error.hpp"

#include <optional>
#include <string>

namespace relay::cli {

/// Returns the error of one item of a list: `code`, `message`, `suggestions`; null if there is none.
Value error_value(std::optional<Error> const &error);

/// Returns the error of a command that changes something: if it only read until then, the message says so.
Error error_of_change(Error const &error);

/// Returns the error of a command that only reads: what_failed, because nothing could have been changed.
Error error_of_reading(Error const &error);

}  // namespace relay::cli
