#pragma once

#include <string>
#include <vector>

namespace relay::cli {

/// Reads labels as files have them: a JSON object of texts, a JSON array of `NAME=VALUE`, or `NAME=VALUE` separated by
/// commas. Returns `NAME=VALUE` texts. Throws Error (usage) for any other object or array.
std::vector<std::string> read_label_list(std::string const &text);

}  // namespace relay::cli
