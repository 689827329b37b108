#pragma once

#include "relay/model/error.hpp"

namespace relay::cli {

/// The exit code of the program: 0, one of these, or the value of an ErrorKind; never another number, except after a
/// signal.
enum class ExitStatus : int { ok = 0, partial = 7, check_no = 10 };

constexpr ExitStatus exit_status(ErrorKind kind) { return static_cast<ExitStatus>(kind); }

}  // namespace relay::cli
