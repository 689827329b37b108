#pragma once

#include <string>
#include <string_view>

namespace relay::cli::html {

/// Puts a page into a file, whole or not at all: written and flushed beside it under a name of its own (.NAME.XXXXXX), then renamed.
///
/// An earlier page, known by its `beginning`, is replaced and its mode kept; a new file is 0600, whatever the umask, and nothing else is ever
/// replaced: no other file, no symbolic link, no device. Throws Error: usage, PATH names no file; conflict, something else is there; sink, it
/// cannot be written. Nothing was written then.
void write_page(std::string const &path, std::string_view page, std::string_view beginning);

/// The first half of that: throws Error (usage, conflict, sink) if write_page would not replace what is there or find the folder.
void require_page_place(std::string const &path, std::string_view beginning);

}  // namespace relay::cli::html
