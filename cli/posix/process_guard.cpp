#include "cli/posix/process_guard.hpp"

#include "relay/model/error.hpp"

#include <initializer_list>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace relay::cli {

void forbid_core_dumps() {
    rlimit const none{.rlim_cur = 0, .rlim_max = 0};
    ::setrlimit(RLIMIT_CORE, &none);
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void occupy_standard_streams() {
    for (int const descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(descriptor, F_GETFD) == -1) {
            // open() takes the lowest free number. That is this one: the lower ones are in use by now.
            int const mode = descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY;
            if (::open("/dev/null", mode) != descriptor) {
                ::_exit(static_cast<int>(relay::ErrorKind::unavailable));  // not even this: the machine has a fault
            }
        }
    }
}

}  // namespace relay::cli
