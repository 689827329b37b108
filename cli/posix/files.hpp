#pragma once

#include <sys/stat.h>
#include <optional>
#include <string>
#include <string_view>

/// The few system calls on files that several parts of the program need, each wrapped once.
namespace relay::cli {

/// Readable and writable for the owner alone: the mode of every file with a secret.
inline constexpr mode_t private_mode = S_IRUSR | S_IWUSR;

/// An open descriptor, closed by the destructor. Move-only.
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

/// Identifies a file, whatever its name is and however it was opened.
struct FileIdentity {
    dev_t device = 0;
    ino_t inode = 0;
    friend bool operator==(FileIdentity const &, FileIdentity const &) = default;
};

FileIdentity identity_of(struct stat const &status) noexcept;
/// Returns the status of `name` in the folder, without following symbolic links; nothing if it does not exist or cannot
/// be read.
std::optional<struct stat> status_at(int folder, std::string const &name) noexcept;
/// Returns whether `name` in the folder is exactly this file.
bool is_file_at(int folder, std::string const &name, FileIdentity const &identity) noexcept;
/// Returns "a directory", "a symbolic link", "a FIFO", "a socket", "a device" or "a regular file".
std::string_view describe_file_type(mode_t mode) noexcept;
/// Calls fsync on a folder. Returns true on success, or if the file system does not support it; otherwise false with
/// errno set.
bool sync_folder(int folder) noexcept;

}  // namespace relay::cli
