#include "relay/legacy/records.hpp"

#include <algorithm>
#include <array>

namespace relay {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::array<seconds, 9> steps{minutes(1), minutes(5), minutes(15), hours(1), hours(3),
                                       hours(6),   hours(12),  days(1),     days(7)};

seconds step_for(Instant from, Instant horizon) {
    auto const length = std::chrono::ceil<seconds>(horizon - from);
    auto const fits = [&](seconds step) { return length <= most_burn_down_steps * step; };
    auto const found = std::find_if(steps.begin(), steps.end(), fits);
    return found != steps.end() ? *found : days(length / days(most_burn_down_steps) + 1);
}

}  // namespace

std::vector<Instant> burn_down_times(Instant from, Instant to, Instant horizon) {
    seconds const step = step_for(from, std::max(to, horizon));
    std::vector<Instant> times{from};
    Instant const first = from - from.time_since_epoch() % step + step;
    for (Instant at = first; at < to; at += step) {
        times.push_back(at);
    }
    if (to > from) {
        times.push_back(to);
    }
    return times;
}

std::optional<BurnDownPoint> last_addition(BurnDown const &burn_down) {
    if (burn_down.empty()) {
        return std::nullopt;
    }
    std::size_t last = 0;
    for (std::size_t i = 1; i < burn_down.size(); ++i) {
        last = burn_down[i].total > burn_down[i - 1].total ? i : last;
    }
    return burn_down[last];
}

std::int64_t even_pace(BurnDownPoint const &from, Instant deadline, Instant at) {
    if (at >= deadline || deadline <= from.at) {
        return 0;
    }
    double const rest = std::chrono::duration<double>(deadline - std::max(at, from.at)) / (deadline - from.at);
    auto const count = static_cast<std::int64_t>(static_cast<double>(from.left) * rest);
    return static_cast<double>(count) < static_cast<double>(from.left) * rest ? count + 1 : count;
}

std::optional<Instant> LegacyPace::end(std::int64_t left, Instant now) const {
    if (left <= 0 || proven <= 0) {
        return std::nullopt;
    }
    seconds const watched = std::max<seconds>(std::chrono::floor<seconds>(now - since), hours(1));
    double const rest = static_cast<double>(left) * static_cast<double>(watched.count()) / static_cast<double>(proven);
    if (rest > static_cast<double>(longest_duration.count())) {
        return std::nullopt;
    }
    return now + seconds(static_cast<std::int64_t>(rest));
}

}  // namespace relay
