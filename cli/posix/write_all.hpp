#pragma once

#include <string_view>

namespace relay::cli {

/// Writes all of `text` with write(2), and waits if the descriptor is non-blocking and full. Returns 0, or the errno of
/// the failed write (EBADF: closed; EPIPE; ENOSPC).
int write_all(int descriptor, std::string_view text) noexcept;

}  // namespace relay::cli
