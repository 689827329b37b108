#pragma once

#include <sys/stat.h>
#include <optional>
#include <string>
#include <string_view>

/// The few system calls on files that several parts of the program need, wrapped once.
namespace relay::cli {

/// An open descriptor, closed at the end. Move-only.
class FileDescriptor {
  public:
    explicit FileDescriptor(int fd = -1) noexcept : m_fd(fd) {}
    FileDescriptor(FileDescriptor &&other) noexcept : m_fd(other.release()) {}
    FileDescriptor &operator=(FileDescriptor &&other) noexcept;
    FileDescriptor(FileDescriptor const &) = delete;
    FileDescriptor &operator=(FileDescriptor const &) = delete;
    ~FileDescriptor() { reset(); }

    int get() const noexcept { return m_fd; }
    bool is_open() const noexcept { return m_fd >= 0; }
    int release() noexcept;
    void reset() noexcept;

  private:
    int m_fd;
};

/// Which file a name or a descriptor stands for, whatever it is called.
struct FileIdentity {
    dev_t device = 0;
    ino_t inode = 0;
    friend bool operator==(FileIdentity const &, FileIdentity const &) = default;
};

FileIdentity identity_of(struct stat const &status) noexcept;
/// What stands under `name` in the folder, symbolic links not followed; nothing if there is nothing or it cannot be looked at.
std::optional<struct stat> status_at(int folder, std::string const &name) noexcept;
/// True if `name` in the folder is that very file.
bool is_file_at(int folder, std::string const &name, FileIdentity const &identity) noexcept;
/// "a directory", "a symbolic link", "a FIFO", "a socket", "a device", "a regular file".
std::string_view describe_file_type(mode_t mode) noexcept;
/// fsync of a folder; file systems that cannot do that count as done. False with errno set on failure.
bool sync_folder(int folder) noexcept;

}  // namespace relay::cli
