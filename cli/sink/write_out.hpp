#pragma once

#include <chrono>
#include <string>
#include <string_view>

/// The one place where a secret leaves the program: write(2), with every byte checked.
namespace relay::cli {

/// How long a reader may take to make room, and then to read the bytes.
struct StreamPatience {
    std::chrono::milliseconds room{5'000};
    std::chrono::milliseconds taken{2'000};
};

/// Sets mode 0600, whatever the umask, then checks it: some file systems do not store modes. Throws Error (sink).
void make_private(int fd, std::string const &path);

/// Writes all of `content` to a new file and flushes it to disk, and checks for errors at close(2) (NFS, quotas).
/// `name` is for the error text. Throws Error (sink).
void write_durably(int fd, std::string_view content, std::string const &name);

/// write_durably in steps, for files that are flushed together. The first writes, the second flushes; or, after a
/// syncfs(2), the third checks that every byte reached the disk. Each throws Error (sink).
void write_unflushed(int fd, std::string_view content, std::string const &name);
void flush_written(int fd, std::string const &name);
void confirm_flushed(int fd, std::string const &name);

/// Throws Error (sink) if the stream is not open for writing, if its reader is gone, or if it is /dev/null.
void require_usable_stream(int fd, std::string const &name);

/// Writes all of `content` to a stream opened by others. A regular file is flushed to disk. The reader of a pipe or
/// socket gets `patience.taken` to read it: if it is gone by then, with bytes unread, that is an error; if it is only
/// slow, it is not. Throws Error (sink) if the stream is closed, full or broken, or has no room within `patience.room`.
void write_to_stream(int fd, std::string_view content, std::string const &name, StreamPatience const &patience = {});

}  // namespace relay::cli
