#pragma once

#include <string_view>

namespace relay::cli {

/// Writes all of `text` with write(2); waits where the descriptor is non-blocking. Returns 0, or the errno of the write that failed
/// (EBADF: closed; EPIPE; ENOSPC).
int write_all(int descriptor, std::string_view text) noexcept;

}  // namespace relay::cli
