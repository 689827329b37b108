#pragma once

#include "cli/output/document.hpp"
#include "cli/scan/scan_files.hpp"

#include <string>
#include <vector>

namespace relay::cli {

struct Globals;

/// Returns the places of a key, for machines: file, line, column, offset and encodings of each.
std::vector<Record> place_records(FileScan const &scan, KeyId const &key);

/// Returns the places of a key for people: "build.log:12:33 (base64)".
std::vector<std::string> place_texts(FileScan const &scan, KeyId const &key);

/// The same for a key that is cut or damaged.
std::vector<Record> cut_place_records(FileScan const &scan, KeyId const &key);
std::vector<std::string> cut_place_texts(FileScan const &scan, KeyId const &key);

/// Returns what was read, in which encodings, what is cut and what was not read, for machines.
Record scan_record(FileScan const &scan);

/// Returns "read 3 files, 12 MB; looked for keys in clear text and behind ansi, ...".
std::string scan_text(FileScan const &scan);

/// Returns "no API key found in build.log", or what can be said if not all of it was read.
std::string nothing_found_text(FileScan const &scan, std::string const &path);

/// Returns a warning for each cut key and for each file that was not read, with the command that helps.
std::vector<std::string> scan_warnings(FileScan const &scan, Globals const &globals);

}  // namespace relay::cli
