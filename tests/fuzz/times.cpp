// parse_instant and format_instant_exact are inverse, within the years 1 to 9999.
#include "relay/model/time.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <cstring>

using namespace relay;
using namespace relay::fuzz;

namespace {

Instant const first = parse_instant("0001-01-01T00:00:00Z");
Instant const last = parse_instant("9999-12-31T23:59:59.999999Z");

void check(Instant at) {
    require(at >= first && at <= last, "an instant is in the years 1 to 9999");
    require(parse_instant(format_instant_exact(at)) == at, "an instant reads back");
    require(at - parse_instant(format_instant(at)) < std::chrono::milliseconds(1), "to the millisecond");
    require(at - parse_instant(format_instant_seconds(at)) < std::chrono::seconds(1), "to the second");
    require(format_instant_exact(at).size() == 27, "an instant has one length");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const *data, std::size_t size) {
    std::string_view const text(reinterpret_cast<char const *>(data), size);
    if (auto const at = accepted([&] { return parse_instant(text); })) {
        check(*at);
    }
    std::uint64_t number = 0;
    std::memcpy(&number, data, std::min(size, sizeof number));
    auto const range = static_cast<std::uint64_t>((last - first).count()) + 1;
    check(first + std::chrono::microseconds(static_cast<std::int64_t>(number % range)));
    return 0;
}
