#pragma once

#include "relay/model/advice.hpp"
#include "relay/scan/findings.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace relay::cli {

class Context;

/// A file or a part of one in which no key could be seen.
struct NotRead {
    std::string name{};
    std::string why{};
    std::string next{};  ///< a command line, or a sentence; may be empty
};

/// What a scan of files has found.
struct FileScan {
    struct File {
        std::string name{};
        scan::Findings findings{};
    };
    std::vector<File> files{};  ///< those in which something was found
    std::uint64_t read = 0;  ///< how many files were read
    std::uint64_t bytes = 0;
    std::vector<NotRead> not_read{};

    /// Returns the keys of all files, each hash once.
    std::multimap<KeyId, scan::FoundKey> keys() const;
    /// Returns the ids of keys that are cut, and whole in no file.
    std::vector<KeyId> cut_ids() const;
};

/// Looks for keys in a file, in stdin (`-`), or in all regular files below a folder; follows no symbolic link there.
///
/// The text passes through one wiped buffer. Shows the progress. Throws Error (usage) if `path` itself is unreadable,
/// compressed, encrypted or in uuencode; inside a folder, such a file is in `not_read`.
FileScan scan_files(Context &context, std::string const &path, std::string_view flag);

}  // namespace relay::cli
