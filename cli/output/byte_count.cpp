#include "cli/output/byte_count.hpp"

#include <fmt/format.h>
#include <array>

namespace relay::cli {

std::string byte_count(double bytes) {
    constexpr std::array units{"B", "kB", "MB", "GB", "TB"};
    std::size_t unit = 0;
    while (bytes >= 1000 && unit + 1 < units.size()) {
        bytes /= 1000;
        ++unit;
    }
    return unit > 0 && bytes < 10 ? fmt::format("{:.1f} {}", bytes, units[unit])
                                  : fmt::format("{:.0f} {}", bytes, units[unit]);
}

}  // namespace relay::cli
