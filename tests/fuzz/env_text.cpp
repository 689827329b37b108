// scan_env_text counts lines as they are, and a last line that is an assignment counts, unless a quote is open.
#include "cli/input/env_text.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>

using namespace relay;
using namespace relay::cli;
using namespace relay::fuzz;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const *data, std::size_t size) {
    std::string const text(reinterpret_cast<char const *>(data), size);
    RelaySettings const found = scan_env_text(text, "fuzz.env");
    auto const lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    require(found.settings + found.unread_lines <= lines, "a line is one thing");
    require(found.first_unread_line <= lines, "a line has its number");
    require((found.unread_lines == 0) == (found.first_unread_line == 0), "a line that cannot be read is named");
    if (text.find_first_of("\"'\\") == std::string::npos) {
        RelaySettings const more = scan_env_text(text + "\nALLOW_LEGACY_GLOBAL_AGENT_SECRET=true\n", "fuzz.env");
        require(more.fallback == RelaySettings::Switch::on && more.settings == found.settings + 1,
                "the last assignment counts");
    }
    return 0;
}
