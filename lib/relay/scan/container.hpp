#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace relay::scan {

/// A kind of file whose text is compressed, encrypted, or written in another way that the scan does not read.
struct Container {
    std::string_view name;  ///< "gzip"
    /// The command that prints its text, with FILE for its name; empty if no single one does.
    std::string_view opens;
};

/// How many bytes of a file's start find_container needs.
inline constexpr std::size_t container_head = 64;

/// Returns the kind of a file that begins with `head`; none if it is a file that a scan can read.
std::optional<Container> find_container(std::string_view head);

/// Returns "gzip in base64" or the like if a run of base64 that begins with `head` holds such a file.
std::optional<std::string_view> container_in_base64(std::string_view head);

}  // namespace relay::scan
