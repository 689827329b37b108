#include "cli/sandbox/lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <cerrno>
#include <thread>

namespace relay::cli::sandbox {

namespace {

/// Returns whether the path still names the file that we opened. If `sandbox destroy` removed it, our lock excludes no
/// one.
bool is_still_there(int descriptor, std::string const &path) {
    struct stat opened {};
    struct stat named {};
    return fstat(descriptor, &opened) == 0 && lstat(path.c_str(), &named) == 0 && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
}

Descriptor open_lock(Layout const &layout) {
    for (int attempt = 0;; ++attempt) {
        make_folder(layout);
        Descriptor file =
            above_stdio(Descriptor(open(layout.lock().c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600)));
        if (file.get() >= 0) {
            return file;
        }
        if (errno != ENOENT || attempt == 10) {  // ENOENT: the folder was removed meanwhile
            throw file_error("cannot open " + layout.lock());
        }
    }
}

}  // namespace

Lock::Lock(Layout const &layout, std::chrono::seconds patience) {
    auto const deadline = std::chrono::steady_clock::now() + patience;
    for (;;) {
        m_file = open_lock(layout);
        while (flock(m_file.get(), LOCK_EX | LOCK_NB) != 0) {
            if (errno != EWOULDBLOCK && errno != EINTR) {
                throw file_error("cannot lock " + layout.lock());
            }
            if (std::chrono::steady_clock::now() > deadline) {
                throw Error(ErrorKind::unavailable, "the sandbox is busy",
                            {.why = "another run has been starting or stopping it for " +
                                    std::to_string(patience.count()) + " seconds",
                             .next = "try again"});
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        if (is_still_there(m_file.get(), layout.lock())) {
            return;
        }
    }
}

}  // namespace relay::cli::sandbox
