// Conditions that are accepted are JSON by another parser, too: an object that is not empty, not deep, without duplicate
// names, and within the length.
#include "relay/model/conditions.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <nlohmann/json.hpp>
#include <set>
#include <vector>

using namespace relay;
using namespace relay::fuzz;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const *data, std::size_t size) {
    std::string_view const text(reinterpret_cast<char const *>(data), size);
    auto const conditions = accepted([&] { return Conditions::parse(text); });
    if (!conditions) {
        return 0;
    }
    require(conditions->text() == text && text.size() <= 4096, "conditions are the text, within its length");
    bool duplicate = false;
    int deepest = 0;
    std::vector<std::set<std::string>> names;
    auto const json = nlohmann::json::parse(
        text,
        [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json &value) {
            using Event = nlohmann::json::parse_event_t;
            deepest = std::max(deepest, depth);
            if (event == Event::object_start) {
                names.emplace_back();
            } else if (event == Event::object_end) {
                names.pop_back();
            } else if (event == Event::key) {
                duplicate = duplicate || !names.back().insert(value.get<std::string>()).second;
            }
            return true;
        },
        false);
    require(json.is_object() && !json.empty(), "conditions are a JSON object");
    require(!duplicate, "no object has a duplicate name");
    require(deepest <= 33, "conditions are not deep");
    return 0;
}
