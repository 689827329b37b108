#pragma once

#include <string>
#include <string_view>

#include <sys/types.h>

/// Files that a command writes again and again, such as a page or numbers for a monitor.
namespace relay::cli {

struct OwnFile {
    std::string flag;  ///< the flag that names it, for errors: "--html"
    std::string path;
    std::string_view beginning;  ///< what each file of this kind begins with: by it, an earlier one is recognized
    mode_t mode = 0600;  ///< of a new file, whatever the umask; one that is replaced keeps its mode
};

/// Writes the file completely or not at all: writes and flushes a temporary file beside it (.NAME.XXXXXX), then renames
/// it.
///
/// Only an earlier file of the same kind is ever replaced: no other file, no symbolic link, no device. Throws Error: usage
/// if the path is not a file name; conflict if something else is there; sink if it cannot be written. After an error,
/// nothing was written.
void write_own_file(OwnFile const &file, std::string_view text);

/// Checks in advance that write_own_file will find the folder and may replace what is there. Throws Error (usage, conflict,
/// sink) if not.
void require_place(OwnFile const &file);

/// Removes an earlier file of this kind. Anything else stays as it is. Throws Error (sink).
void remove_own_file(OwnFile const &file);

}  // namespace relay::cli
