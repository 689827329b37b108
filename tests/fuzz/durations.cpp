// parse_duration and format_duration are inverse, and nothing is longer than the longest.
#include "relay/model/time.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <cstring>

using namespace relay;
using namespace relay::fuzz;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const *data, std::size_t size) {
    std::string_view const text(reinterpret_cast<char const *>(data), size);
    if (auto const duration = accepted([&] { return parse_duration(text); })) {
        require(*duration >= std::chrono::seconds(0) && *duration <= longest_duration, "a duration has a bound");
        require(parse_duration(format_duration(*duration)) == *duration, "a duration reads back");
        require(format_duration(*duration).size() <= 24, "a duration is short");
    }
    std::uint32_t number = 0;
    std::memcpy(&number, data, std::min(size, sizeof number));
    std::chrono::seconds const any(number % (longest_duration.count() + 1));
    require(parse_duration(format_duration(any)) == any, "any duration reads back");
    require(!describe_duration(any).empty(), "any duration has words");
    return 0;
}
