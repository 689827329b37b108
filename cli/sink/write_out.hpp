#pragma once

#include <chrono>
#include <string>
#include <string_view>

/// The one place where a secret leaves the program: write(2), every byte checked.
namespace relay::cli {

/// How long a reader may take to make room, and how long it may then take to pick the bytes up.
struct StreamPatience {
    std::chrono::milliseconds room{5'000};
    std::chrono::milliseconds taken{2'000};
};

/// Writes all of `content` to a file that was just made, and flushes it to the disk, errors at close(2) included (NFS, quotas).
/// `name` is for the error text. Throws Error (sink).
void write_durably(int fd, std::string_view content, std::string const &name);

/// write_durably in two steps, for files that are flushed together. The first writes, the second flushes; or, after a syncfs(2), the third
/// asks whether every byte came to the disk. Each throws Error (sink).
void write_unflushed(int fd, std::string_view content, std::string const &name);
void flush_written(int fd, std::string const &name);
void confirm_flushed(int fd, std::string const &name);

/// Writes all of `content` to a stream that others made: a regular file is flushed to the disk; for a pipe or a socket the reader is given
/// `patience.taken` to pick it up: one that is gone by then, with bytes unread, is an error; one that is only slow is not.
/// Throws Error (sink) if the stream is closed, full, broken, or has no room within `patience.room`.
void write_to_stream(int fd, std::string_view content, std::string const &name, StreamPatience const &patience = {});

}  // namespace relay::cli
