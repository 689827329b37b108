#include "cli/posix/files.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <utility>

namespace relay::cli {

FileDescriptor &FileDescriptor::operator=(FileDescriptor &&other) noexcept {
    if (this != &other) {
        reset();
        m_fd = other.release();
    }
    return *this;
}

int FileDescriptor::release() noexcept { return std::exchange(m_fd, -1); }

void FileDescriptor::reset() noexcept {
    if (m_fd >= 0) {
        ::close(release());
    }
}

FileIdentity identity_of(struct stat const &status) noexcept {
    return {.device = status.st_dev, .inode = status.st_ino};
}

std::optional<struct stat> status_at(int folder, std::string const &name) noexcept {
    struct stat status {};
    if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return std::nullopt;
    }
    return status;
}

bool is_file_at(int folder, std::string const &name, FileIdentity const &identity) noexcept {
    auto const status = status_at(folder, name);
    return status && identity_of(*status) == identity;
}

std::string_view describe_file_type(mode_t mode) noexcept {
    switch (mode & S_IFMT) {
        case S_IFREG: return "a regular file";
        case S_IFDIR: return "a directory";
        case S_IFLNK: return "a symbolic link";
        case S_IFIFO: return "a FIFO";
        case S_IFSOCK: return "a socket";
        default: return "a device";
    }
}

bool sync_folder(int folder) noexcept { return ::fsync(folder) == 0 || errno == EINVAL || errno == ENOTSUP; }

}  // namespace relay::cli
