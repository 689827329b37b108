#pragma once

#include <chrono>

namespace relay {

/// How often gateways report uses with relay_api.report_uses: a use may be unknown to the database for this long.
inline constexpr std::chrono::seconds report_interval{10};

/// Returns how old the last recorded use must be to prove that there was none for `duration`. Zero asks for no proof.
constexpr std::chrono::seconds silence_to_prove(std::chrono::seconds duration) {
    return duration.count() > 0 ? duration + report_interval : duration;
}

}  // namespace relay
