#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace relay::cli {

/// A kind of file that we do not read, and how to get a text out of it.
struct OtherKind {
    std::string what;  ///< "a gzip archive"
    std::string next;  ///< a command, with the file's name
};

/// Returns what begins with `head` (text_head_size bytes, or the whole file) if it is not a text of rows or lines. The
/// signatures are those of file(1).
std::optional<OtherKind> other_kind(std::string_view head, std::string const &path);

/// Throws Error (usage) if other_kind finds something. `subject` is the flag and the file, for the message.
void refuse_other_kinds(std::string_view head, std::string const &path, std::string const &subject);

}  // namespace relay::cli
