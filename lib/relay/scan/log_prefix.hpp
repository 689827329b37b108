#pragma once

#include <cstddef>
#include <string_view>

namespace relay::scan {

/// What a log writes before the text of a line.
struct LogPrefix {
    std::size_t size = 0;  ///< 0: none
    bool is_json = false;  ///< the text is a string of JSON, whose opening quote the prefix ends with
    bool joins = false;  ///< the text continues that of the line before
    bool is_part = false;  ///< the next line continues the text
};

/// A prefix that is longer is not read.
constexpr std::size_t longest_log_prefix = 256;

/// Reads the prefix of a line: times as RFC 3339, RFC 3164 and programs write them; the name of a host, program, driver, pod
/// or container; stream and part of a line as container runtimes (docker's json-file, CRI) and GitLab's jobs mark them; the
/// number of a line; the field of JSON that has the text.
LogPrefix read_log_prefix(std::string_view line);

}  // namespace relay::scan
