#include "cli/sink/write_out.hpp"

#include "cli/posix/files.hpp"
#include "cli/sink/sink_error.hpp"

#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <climits>

namespace relay::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto no_room_next = "free some space or choose another place, then run the same command again";
constexpr auto no_reader_next = "make sure that the reader waits for the secret, then run the same command again";

Error write_failed(std::string const &name, int error_number) {
    auto const is_broken = error_number == EPIPE || error_number == ECONNRESET;
    return sink_error("cannot write the secret to " + name, error_number, is_broken ? no_reader_next : no_room_next);
}

/// Calls write(2) once, with at most `limit` bytes. Returns how many were written; 0 for EINTR and EAGAIN.
std::size_t write_some(int fd, std::string_view content, std::size_t limit, std::string const &name) {
    auto const count = ::write(fd, content.data(), std::min(content.size(), limit));
    if (count >= 0) {
        return static_cast<std::size_t>(count);
    }
    if (errno == EINTR || errno == EAGAIN) {
        return 0;
    }
    throw write_failed(name, errno);
}

void write_all(int fd, std::string_view content, std::string const &name) {
    while (!content.empty()) {
        content.remove_prefix(write_some(fd, content, content.size(), name));
    }
}

void flush_to_disk(int fd, std::string const &name) {
    while (::fsync(fd) != 0) {
        if (errno != EINTR) {
            throw write_failed(name, errno);
        }
    }
}

/// Closes a duplicate, because NFS reports a late error when any duplicate is closed. The descriptor itself stays open
/// for its lock.
void close_duplicate(int fd, std::string const &name) {
    auto const duplicate = ::dup(fd);
    if (duplicate < 0 || ::close(duplicate) != 0) {
        throw write_failed(name, errno);
    }
}

int milliseconds_until(Clock::time_point deadline) {
    auto const left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    return static_cast<int>(std::clamp<decltype(left)>(left, 0, INT_MAX));
}

/// Returns the events that poll(2) reports for the descriptor within `timeout` milliseconds; 0 if none.
short poll_once(int fd, short events, int timeout) {
    pollfd watched{.fd = fd, .events = events, .revents = 0};
    return ::poll(&watched, 1, timeout) > 0 ? watched.revents : short{0};
}

/// Writes all of `content` before the deadline, to a blocking descriptor, too: after POLLOUT a pipe accepts PIPE_BUF
/// bytes immediately, so no reader can block us forever.
void write_with_patience(int fd, std::string_view content, std::string const &name,
                         std::chrono::milliseconds patience) {
    auto const deadline = Clock::now() + patience;
    while (!content.empty()) {
        auto const ready = poll_once(fd, POLLOUT, milliseconds_until(deadline));
        if ((ready & POLLNVAL) != 0) {
            throw write_failed(name, EBADF);
        }
        if ((ready & POLLERR) != 0) {
            throw write_failed(name, EPIPE);
        }
        if (ready != 0) {
            content.remove_prefix(write_some(fd, content, PIPE_BUF, name));
        }
        if (!content.empty() && Clock::now() >= deadline) {
            throw sink_refusal("the reader of " + name + " does not read the secret", "it was too slow",
                               no_reader_next);
        }
    }
}

/// Returns how many bytes were written but not yet read; -1 if that is unknown.
int unread_bytes(int fd, bool is_pipe) {
    int count = 0;
    return ::ioctl(fd, is_pipe ? FIONREAD : SIOCOUTQ, &count) == 0 ? count : -1;
}

/// Waits until the reader has read everything, or `patience` is over. A reader may close as soon as it has read all. So
/// for a pipe, check the unread bytes first and the reader after. A socket whose other end is gone reports no unread
/// bytes, so there the order is reversed.
void wait_until_taken(int fd, bool is_pipe, std::string const &name, std::chrono::milliseconds patience) {
    auto const deadline = Clock::now() + patience;
    for (int pause = 1;; pause = std::min(pause * 2, 50)) {
        if (!is_pipe && (poll_once(fd, 0, 0) & POLLERR) != 0) {
            throw write_failed(name, ECONNRESET);
        }
        if (unread_bytes(fd, is_pipe) <= 0) {
            return;
        }
        if ((poll_once(fd, 0, 0) & (POLLERR | POLLHUP)) != 0 && unread_bytes(fd, is_pipe) > 0) {
            throw write_failed(name, EPIPE);
        }
        auto const left = milliseconds_until(deadline);
        if (left == 0) {
            return;  // slow, but still there
        }
        poll_once(fd, 0, std::min(pause, left));
    }
}

bool is_bottomless(struct stat const &status) {
    constexpr unsigned memory_devices = 1;
    constexpr unsigned null = 3;
    constexpr unsigned zero = 5;
    return S_ISCHR(status.st_mode) && major(status.st_rdev) == memory_devices &&
           (minor(status.st_rdev) == null || minor(status.st_rdev) == zero);
}

}  // namespace

void make_private(int fd, std::string const &path) {
    constexpr mode_t permission_bits = 07777;
    struct stat status {};
    if (::fchmod(fd, private_mode) != 0 || ::fstat(fd, &status) != 0) {
        throw sink_error("cannot make " + path + " private", errno);
    }
    if ((status.st_mode & permission_bits) != private_mode || status.st_uid != ::geteuid()) {
        throw sink_refusal("the file system of " + path + " cannot keep a file private",
                           "it gives every file the same owner and mode", "choose a place on another file system");
    }
}

void write_durably(int fd, std::string_view content, std::string const &name) {
    write_all(fd, content, name);
    flush_written(fd, name);
}

void write_unflushed(int fd, std::string_view content, std::string const &name) { write_all(fd, content, name); }

void flush_written(int fd, std::string const &name) {
    flush_to_disk(fd, name);
    close_duplicate(fd, name);
}

void confirm_flushed(int fd, std::string const &name) {
    // This does not wait for the disk any more. Before Linux 5.8, syncfs does not report pages that could not be
    // written; the file does.
    if (::sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE) != 0) {
        flush_to_disk(fd, name);
    }
    close_duplicate(fd, name);
}

void write_to_stream(int fd, std::string_view content, std::string const &name, StreamPatience const &patience) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) {
        throw write_failed(name, errno);
    }
    write_with_patience(fd, content, name, patience.room);
    if (S_ISREG(status.st_mode)) {
        flush_to_disk(fd, name);
    } else if (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)) {
        wait_until_taken(fd, S_ISFIFO(status.st_mode), name, patience.taken);
    }
}

void require_usable_stream(int fd, std::string const &name) {
    auto const flags = ::fcntl(fd, F_GETFL);
    struct stat status {};
    if (flags < 0 || ::fstat(fd, &status) != 0) {
        throw sink_refusal(name + " is not open", "", "open it for this command, or use --secret-file FILE");
    }
    if ((flags & O_ACCMODE) == O_RDONLY || (flags & O_PATH) != 0) {
        throw sink_refusal(name + " is not open for writing", "", "open it for writing, or use --secret-file FILE");
    }
    if (is_bottomless(status)) {
        throw sink_refusal(name + " discards everything (it is /dev/null)", "the secret would be lost",
                           "choose a place that keeps it, e.g. --secret-file FILE");
    }
    pollfd watched{.fd = fd, .events = POLLOUT, .revents = 0};
    if (::poll(&watched, 1, 0) > 0 && (watched.revents & POLLERR) != 0) {
        throw sink_refusal("no process reads " + name + " any more", "",
                           "make sure that the reader waits for the secret, then run the same command again");
    }
}

}  // namespace relay::cli
