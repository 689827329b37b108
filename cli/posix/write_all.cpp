#include "cli/posix/write_all.hpp"

#include <cerrno>

#include <poll.h>
#include <unistd.h>

namespace relay::cli {

int write_all(int descriptor, std::string_view text) noexcept {
    while (!text.empty()) {
        ssize_t const written = ::write(descriptor, text.data(), text.size());
        if (written >= 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EAGAIN) {
            pollfd waiting{.fd = descriptor, .events = POLLOUT, .revents = 0};
            ::poll(&waiting, 1, -1);
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

}  // namespace relay::cli
