// JSON that is read has a bound of depth, and what is written of it reads back; a JSON string reads back.
#include "cli/json/json.hpp"
#include "relay/model/text.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace relay;
using namespace relay::cli;
using namespace relay::fuzz;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const *data, std::size_t size) {
    std::string_view const text(reinterpret_cast<char const *>(data), size);
    auto const flat = reformat_json(text, false);
    auto const indented = reformat_json(text, true);
    require(flat.has_value() == indented.has_value(), "both forms are read alike");
    if (flat) {
        require(text.find('\0') == text.npos, "a text is read to its end");
        require(flat->find('\n') == std::string::npos, "one line is one line");
        require(reformat_json(*indented, false) == flat && reformat_json(*flat, false) == flat, "JSON reads back");
    }
    if (auto const object = read_json_object(text)) {
        require(flat.has_value(), "an object is JSON");
        for (auto const &[name, member] : *object) {
            require(member.kind != JsonMember::Kind::structured || reformat_json(member.text, false) == member.text,
                    "a member reads back");
        }
    }
    std::string const quoted = json_string(text);
    auto const list = read_json_texts("[" + quoted + "]");
    require(list && list->size() == 1, "any text is a JSON string");
    require(!is_clean_utf8(text) || list->front() == text, "a JSON string reads back");
    return 0;
}
