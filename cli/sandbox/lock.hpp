#pragma once

#include "cli/sandbox/files.hpp"
#include "cli/sandbox/layout.hpp"

#include <chrono>

namespace relay::cli::sandbox {

/// One program at a time starts, stops, makes or removes the sandbox. A file lock (flock), so it ends with the
/// process.
class Lock {
  public:
    /// Makes the folder and waits for the lock. Throws Error: unavailable, another program has held it for longer
    /// than `patience`.
    Lock(Layout const &layout, std::chrono::seconds patience);

    /// For a child that must keep the lock when we are killed.
    int descriptor() const noexcept { return m_file.get(); }

  private:
    Descriptor m_file{};
};

}  // namespace relay::cli::sandbox
