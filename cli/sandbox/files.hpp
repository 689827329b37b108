#pragma once

#include "relay/model/error.hpp"

#include <sys/types.h>
#include <optional>
#include <string>
#include <string_view>

/// The few file operations of the sandbox. None follows a symbolic link in the last component; all throw Error
/// (unavailable).
namespace relay::cli::sandbox {

/// An open descriptor, closed at the end of its scope.
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

/// The same file under a number above 2: what is to become a child's stdin or stdout must not stand there already.
/// (We may be started with these closed.) Invalid stays invalid.
Descriptor above_stdio(Descriptor descriptor);

/// `message`, with errno's text as the reason.
Error file_error(std::string message);

/// Makes one folder with exactly `mode`, whatever the umask is; one that is there already is left as it is.
void make_directory(std::string const &path, mode_t mode);

/// Replaces the file at once and for good: a new file, flushed, then renamed.
void write_file(std::string const &path, std::string_view text);

/// At most 64 KiB of a regular file; nothing if there is none.
std::optional<std::string> read_file(std::string const &path);

/// The last `lines` lines of a text.
std::string last_lines(std::string_view text, std::size_t lines);

/// Removes a file or a whole tree, never what a symbolic link points to. True if there was something.
bool remove_tree(std::string const &path);

/// Flushes a folder's entries to disk.
void flush_directory(std::string const &path);

}  // namespace relay::cli::sandbox
