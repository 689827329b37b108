#include "cli/sink/batch_file.hpp"

#include "cli/sink/made_for.hpp"
#include "cli/sink/sink_error.hpp"
#include "cli/sink/write_out.hpp"
#include "relay/crypto/secret_buffer.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

namespace relay::cli {
namespace {

/// Opens NAME, or creates it and sets `made`.
FileDescriptor open_or_make(Folder const &folder, std::string const &name, bool *made = nullptr) {
    auto const path = folder.path_of(name);
    auto const at = folder.fd.get();
    FileDescriptor fd(::openat(at, name.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!fd.is_open() && errno == ENOENT) {
        fd = FileDescriptor(
            ::openat(at, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, private_mode));
        if (fd.is_open()) {
            make_private(fd.get(), path);
            if (made != nullptr) {
                *made = true;
            }
        }
    }
    struct stat status {};
    if (!fd.is_open() || ::fstat(fd.get(), &status) != 0) {
        throw sink_error("cannot open " + path, errno);
    }
    if (!S_ISREG(status.st_mode) || status.st_uid != ::geteuid() || (status.st_mode & 0177) != 0) {
        throw sink_refusal(path + " is not a private file of yours", "others could read the keys in it",
                           "move it away, or run chmod 600 " + path);
    }
    return fd;
}

/// Returns how many bytes at the end of the file equal the beginning of `content`.
std::size_t already_there(FileDescriptor const &fd, std::string_view content, off_t size) {
    auto const length = std::min<std::size_t>(content.size(), static_cast<std::size_t>(size));
    SecretBuffer tail(length);
    std::size_t filled = 0;
    while (filled < length) {
        auto const room = tail.writable().subspan(filled);
        auto const got = ::pread(fd.get(), room.data(), room.size(), size - static_cast<off_t>(length - filled));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return 0;
        }
        filled += static_cast<std::size_t>(got);
    }
    std::string_view const end = tail.reveal();
    std::size_t overlap = length;
    while (overlap > 0 && end.substr(end.size() - overlap) != content.substr(0, overlap)) {
        --overlap;
    }
    return overlap;
}

/// Creates and locks NAME.batch. While another run has one, waits for it. Before the file is locked, another run may find it
/// and take it for one that a killed run left: then tries again. On failure returns none, with errno, and leaves no file.
FileDescriptor make_exclusively(int folder, std::string const &batch) {
    auto const until = std::chrono::steady_clock::now() + BatchFile::patience;
    for (;;) {
        FileDescriptor fd(
            ::openat(folder, batch.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, private_mode));
        if (!fd.is_open() && errno != EEXIST) {
            return fd;
        }
        if (fd.is_open()) {
            struct stat status {};
            bool const is_locked = ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0 && ::fstat(fd.get(), &status) == 0;
            if (is_locked && is_file_at(folder, batch, identity_of(status))) {
                return fd;
            }
            if (int const error_number = errno; !is_locked && error_number != EWOULDBLOCK) {
                ::unlinkat(folder, batch.c_str(), 0);  // a file system without locks
                fd.reset();
                errno = error_number;
                return FileDescriptor();
            }
        }
        if (std::chrono::steady_clock::now() >= until) {
            errno = EEXIST;
            return FileDescriptor();
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

enum class Before { nothing, perhaps_a_part };  ///< what an earlier run may have appended of this content

void append(Folder const &folder, std::string const &name, std::string_view content, Before before) {
    bool made = false;
    FileDescriptor const fd = open_or_make(folder, name, &made);
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0 || ::lseek(fd.get(), 0, SEEK_END) < 0) {
        throw sink_error("cannot check " + folder.path_of(name), errno);
    }
    auto const there = before == Before::nothing ? 0 : already_there(fd, content, status.st_size);
    write_durably(fd.get(), content.substr(there), folder.path_of(name));
    if (made) {
        sync_folder(folder.fd.get());
    }
}

}  // namespace

void append_missing(Folder const &folder, std::string const &name, std::string_view content) {
    append(folder, name, content, Before::perhaps_a_part);
}

bool BatchFile::check() const {
    auto const status = status_at(m_folder->fd.get(), m_name);
    if (!status) {
        return false;
    }
    auto const path = m_folder->path_of(m_name);
    if (!S_ISREG(status->st_mode)) {
        throw sink_refusal(path + " is " + std::string(describe_file_type(status->st_mode)),
                           "keys are written only to a regular file", "choose another name");
    }
    FileDescriptor const fd = open_or_make(*m_folder, m_name);
    std::string start(m_first_words.size(), '\0');
    auto const got = ::pread(fd.get(), start.data(), start.size(), 0);
    if (got != 0 &&
        std::string_view(start.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))) != m_first_words) {
        throw sink_refusal(path + " exists, but not with keys that this program wrote in this --secret-format",
                           "a file of another kind is never overwritten", "choose another name");
    }
    return got > 0;
}

/// NAME is appended to after the commit, so a limit that would prevent that (`ulimit -f`) must be known now.
void BatchFile::require_room(std::size_t size) const {
    auto const status = status_at(m_folder->fd.get(), m_name);
    rlimit limit{};
    std::size_t const now = status ? static_cast<std::size_t>(status->st_size) : 0;
    if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && now + size > limit.rlim_cur) {
        throw sink_error("cannot append to " + m_folder->path_of(m_name), EFBIG, "raise ulimit -f");
    }
}

void BatchFile::write(std::string_view content, std::string const &database_id) {
    require_room(content.size());
    auto const folder = m_folder->fd.get();
    auto const batch = batch_name(m_name);
    auto const path = m_folder->path_of(batch);
    m_fd = make_exclusively(folder, batch);
    if (!m_fd.is_open()) {
        auto const error_number = errno;
        throw sink_error("cannot create " + path, error_number,
                         error_number == EEXIST
                             ? "another run is writing to the same file, or was killed: run the same "
                               "command again, or choose another name"
                             : "");
    }
    try {
        struct stat status {};
        if (::fstat(m_fd.get(), &status) != 0) {
            throw sink_error("cannot check " + path, errno);
        }
        m_identity = identity_of(status);
        make_private(m_fd.get(), path);
        set_made_for(m_fd.get(), database_id);
        write_durably(m_fd.get(), content, path);
        if (!sync_folder(folder)) {
            throw sink_error("cannot flush the folder of " + path, errno);
        }
    } catch (...) {
        undo();
        throw;
    }
}

void BatchFile::finish(std::string_view content) {
    auto const batch = batch_name(m_name);
    try {
        append(*m_folder, m_name, content, Before::nothing);
    } catch (Error const &error) {
        keep();
        throw Error(ErrorKind::unknown,
                    "the new keys are live, but cannot be appended to " + m_folder->path_of(m_name) + ": " +
                        error.message().substr(0, error.message().find("; nothing was changed")),
                    {.why = "the keys are safe in " + m_folder->path_of(batch),
                     .next = "free some space, then run the same command again: it appends these keys first",
                     .changed = Changed::yes});
    }
    undo();
}

void BatchFile::undo() noexcept {
    if (m_fd.is_open()) {
        auto const folder = m_folder->fd.get();
        if (is_file_at(folder, batch_name(m_name), m_identity)) {
            // No flush: if the file comes back after a crash, the next run settles it. Its keys are then either in NAME
            // or dead.
            ::unlinkat(folder, batch_name(m_name).c_str(), 0);
        }
    }
    keep();
}

}  // namespace relay::cli
