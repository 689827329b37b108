#pragma once

#include "cli/sandbox/files.hpp"
#include "cli/sandbox/layout.hpp"

#include <chrono>

namespace relay::cli::sandbox {

/// A file lock (flock), so that only one program at a time starts, stops, creates or removes the sandbox. It ends with
/// the process.
class Lock {
  public:
    /// Creates the folder and waits for the lock. Throws Error (unavailable) if another program holds it for longer
    /// than `patience`.
    Lock(Layout const &layout, std::chrono::seconds patience);

    /// Returns the descriptor, for a child that must keep the lock if we are killed.
    int descriptor() const noexcept { return m_file.get(); }

  private:
    Descriptor m_file{};
};

}  // namespace relay::cli::sandbox
