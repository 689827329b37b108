#pragma once

#include "cli/posix/files.hpp"

namespace relay::cli {

/// A pipe to or from a command of the user.
struct Pipe {
    FileDescriptor read_end{};
    FileDescriptor write_end{};
};

/// Throws Error (sink) if there is no pipe to be had.
Pipe make_pipe();

/// Makes reads return immediately if there is nothing to read.
void never_wait(FileDescriptor const &fd) noexcept;

}  // namespace relay::cli
