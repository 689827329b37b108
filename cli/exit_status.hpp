#pragma once

#include "relay/model/error.hpp"

namespace relay::cli {

/// What the program returns: 0, or the value of an ErrorKind. No other number leaves it (signals apart).
enum class ExitStatus : int { ok = 0, partial = 7, check_no = 10 };

constexpr ExitStatus exit_status(ErrorKind kind) { return static_cast<ExitStatus>(kind); }

}  // namespace relay::cli
