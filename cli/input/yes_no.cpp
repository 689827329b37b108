#include "cli/input/yes_no.hpp"

#include "cli/input/blanks.hpp"

#include <algorithm>
#include <array>

namespace relay::cli {

std::optional<bool> read_yes_no(std::string_view text) {
    constexpr std::array<std::string_view, 6> yes{"true", "t", "yes", "y", "on", "1"};
    constexpr std::array<std::string_view, 6> no{"false", "f", "no", "n", "off", "0"};
    std::string const word = lower_case(trimmed(text));
    if (std::find(yes.begin(), yes.end(), word) != yes.end()) {
        return true;
    }
    return std::find(no.begin(), no.end(), word) != no.end() ? std::optional(false) : std::nullopt;
}

}  // namespace relay::cli
