#pragma once

#include "relay/model/error.hpp"

#include <string>

namespace relay::cli {

/// Returns "MESSAGE: strerror; nothing was changed" as Error (sink).
Error sink_error(std::string const &message, int error_number, Advice next = {});
/// Returns "MESSAGE; nothing was changed" as Error (sink).
Error sink_refusal(std::string const &message, std::string why, Advice next);

}  // namespace relay::cli
