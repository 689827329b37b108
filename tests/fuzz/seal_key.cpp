// A public key to seal with is an object of two texts, or is refused; a sealed text has the length that it must have.
#include "cli/sink/seal_key.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace relay;
using namespace relay::cli;
using namespace relay::fuzz;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const *data, std::size_t size) {
    Choices choices(data, size);
    bool const is_whole = choices.below(2) == 0;
    std::string_view const text = choices.rest();
    auto const key = accepted([&] { return is_whole ? parse_seal_key(text, "fuzz.json") : make_seal_key("1", text); });
    if (key) {
        require(!key->key_id.empty() && key->key_id.size() <= 128, "a key id has its length");
        require(seal(key->key, "secret").size() == (6 + 48 + 2) / 3 * 4, "a sealed text has its length");
    }
    return 0;
}
