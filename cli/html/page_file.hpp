#pragma once

#include <string>
#include <string_view>

namespace relay::cli::html {

/// Writes a page to a file, completely or not at all: writes and flushes a temporary file beside it (.NAME.XXXXXX),
/// then renames it.
///
/// An earlier page, recognized by `beginning`, is replaced and its mode is kept. A new file gets mode 0600, whatever
/// the umask. Nothing else is ever replaced: no other file, no symbolic link, no device. Throws Error: usage if PATH is
/// not a file name; conflict if something else is there; sink if the page cannot be written. After an error, nothing
/// was written.
void write_page(std::string const &path, std::string_view page, std::string_view beginning);

/// Checks in advance that write_page will find the folder and may replace what is there. Throws Error (usage, conflict,
/// sink) if not.
void require_page_place(std::string const &path, std::string_view beginning);

}  // namespace relay::cli::html
