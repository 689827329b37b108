#include "cli/output/relative_time.hpp"

#include "relay/model/text.hpp"

#include <array>
#include <chrono>

namespace relay::cli {

namespace {

using std::chrono::seconds;

struct Unit {
    seconds length;
    char const *name;
};
constexpr std::array units{Unit{std::chrono::days(1), "day"}, Unit{std::chrono::hours(1), "hour"},
                           Unit{std::chrono::minutes(1), "minute"}, Unit{seconds(1), "second"}};

Unit const &unit_for(seconds distance) {
    for (Unit const &unit : units) {
        if (distance >= 2 * unit.length || distance == unit.length) {
            return unit;
        }
    }
    return units.back();
}

}  // namespace

std::string relative_time(Instant at, Instant now) {
    bool const past = at <= now;
    auto const distance = past ? std::chrono::floor<seconds>(now - at) : std::chrono::round<seconds>(at - now);
    if (distance == seconds(0)) {
        return "just now";
    }
    Unit const &unit = unit_for(distance);
    auto const count = (distance + (past ? seconds(0) : unit.length / 2)) / unit.length;
    std::string const words = counted(count, unit.name);
    return past ? words + " ago" : "in " + words;
}

std::string describe_time(Instant at, std::optional<Instant> now) {
    std::string const text = format_instant_seconds(at);
    return now ? text + " (" + relative_time(at, *now) + ')' : text;
}

}  // namespace relay::cli
