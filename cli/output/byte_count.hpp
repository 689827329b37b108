#pragma once

#include <string>

namespace relay::cli {

/// "999 B", "1.2 GB", "12 GB": decimal units, two digits at least.
std::string byte_count(double bytes);

}  // namespace relay::cli
