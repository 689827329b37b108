#pragma once

#include "relay/health/report.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace relay {

/// A setting of the relay that makes it stricter, and the value that it should have.
struct HardeningRule {
    enum class Kind {
        on,
        off,
        milliseconds,  ///< between `least` and `most`
    };

    std::string_view check;  ///< its id in `doctor`
    std::string_view variable;
    Kind kind = Kind::on;
    std::string_view otherwise;  ///< what follows from another value: "calls without a signature are accepted"
    std::int64_t least = 0;
    std::int64_t most = 0;
    std::int64_t advised = 0;  ///< well between the two
    std::string_view too_small{};  ///< what follows from a value below `least`
};

/// Returns the rules in the order of the report.
std::span<HardeningRule const> hardening_rules();

}  // namespace relay
