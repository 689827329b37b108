#pragma once

#include <chrono>

namespace relay {

/// How often gateways report uses with relay_api.report_uses.
inline constexpr std::chrono::seconds report_interval{10};

/// How long a use may be unknown to the database: until the next report, or one interval more, because a report that
/// failed is part of the next one.
inline constexpr std::chrono::seconds report_delay = 2 * report_interval;

/// Returns how old the last recorded use must be to prove that there was none for `duration`. Zero asks for no proof.
constexpr std::chrono::seconds silence_to_prove(std::chrono::seconds duration) {
    return duration.count() > 0 ? duration + report_delay : duration;
}

}  // namespace relay
