#pragma once

#include <string>

namespace relay::cli {

/// Returns "999 B", "1.2 GB", "12 GB": decimal units, and at least two digits from kB up.
std::string byte_count(double bytes);

}  // namespace relay::cli
