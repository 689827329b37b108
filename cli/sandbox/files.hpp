#pragma once

#include "relay/model/error.hpp"

#include <sys/types.h>
#include <optional>
#include <string>
#include <string_view>

/// The few file operations of the sandbox. None follows a symbolic link in the last component of a path; all throw
/// Error (unavailable).
namespace relay::cli::sandbox {

/// An open descriptor, closed by the destructor.
class Descriptor {
  public:
    explicit Descriptor(int number = -1) noexcept : m_number(number) {}
    ~Descriptor() { reset(); }
    Descriptor(Descriptor &&other) noexcept : m_number(other.release()) {}
    Descriptor &operator=(Descriptor &&other) noexcept;
    Descriptor(Descriptor const &) = delete;
    Descriptor &operator=(Descriptor const &) = delete;

    int get() const noexcept { return m_number; }
    int release() noexcept;
    void reset() noexcept;

  private:
    int m_number;
};

/// Returns the same file with a number above 2, because a descriptor that becomes a child's stdin or stdout must not
/// have such a number already. (We may be started with these closed.) An invalid descriptor stays invalid.
Descriptor above_stdio(Descriptor descriptor);

/// Returns an Error with `message`, and errno's text as the reason.
Error file_error(std::string message);

/// Creates one folder with exactly `mode`, whatever the umask. Leaves an existing one as it is.
void make_directory(std::string const &path, mode_t mode);

/// Replaces the file in one step and durably: writes a new file, flushes it, then renames it.
void write_file(std::string const &path, std::string_view text);

/// Returns at most the last 64 KiB of a regular file; none if there is no such file.
std::optional<std::string> read_file(std::string const &path);

/// Returns the last `lines` lines of a text.
std::string last_lines(std::string_view text, std::size_t lines);

/// Removes a file or a whole tree, never what a symbolic link points to. Returns whether there was something.
bool remove_tree(std::string const &path);

/// Flushes a folder's entries to disk.
void flush_directory(std::string const &path);

}  // namespace relay::cli::sandbox
