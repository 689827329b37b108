#include "cli/sink/command/command_pipe.hpp"

#include "cli/sink/sink_error.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <array>
#include <cerrno>

namespace relay::cli {

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw sink_error("cannot create a pipe for the command", errno);
    }
    return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

void never_wait(FileDescriptor const &fd) noexcept { ::fcntl(fd.get(), F_SETFL, O_NONBLOCK); }

}  // namespace relay::cli
