#include "cli/audit/sorted_events.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <random>

using namespace relay;
using namespace relay::cli;

namespace {

ArchivedEvent event(std::int64_t number, std::size_t line) {
    return {.entry = {.event_id = number, .month = static_cast<std::uint16_t>(number % 7)}, .place = {.line = line}};
}

/// Adds events 1 to `count` in a random order, every hundredth of them twice; returns how many come back in order.
std::size_t sort(std::size_t count) {
    std::vector<std::int64_t> numbers(count);
    std::iota(numbers.begin(), numbers.end(), 1);
    for (std::size_t i = 0; i < count; i += 100) {
        numbers.push_back(numbers[i]);
    }
    std::shuffle(numbers.begin(), numbers.end(), std::mt19937(17));
    SortedEvents events;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        events.add(event(numbers[i], i + 1));
    }
    std::sort(numbers.begin(), numbers.end());
    std::size_t read = 0;
    std::size_t line = 0;
    for (auto next = events.next(); next; next = events.next(), ++read) {
        REQUIRE(next->entry.event_id == numbers[read]);
        REQUIRE(next->entry.month == numbers[read] % 7);
        bool const is_second = read > 0 && numbers[read - 1] == numbers[read];
        REQUIRE((!is_second || next->place.line > line));
        line = next->place.line;
    }
    return read;
}

}  // namespace

TEST_CASE("events come back in the order of their numbers") {
    CHECK(sort(0) == 0);
    CHECK(sort(1) == 2);
    CHECK(sort(1000) == 1010);
}

TEST_CASE("more events than fit in memory come back in order, too") { CHECK(sort(300'000) == 303'000); }
