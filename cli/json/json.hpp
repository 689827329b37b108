#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// JSON (RFC 8259) as the program reads and writes it. This folder alone includes the JSON library, which costs three seconds in each file that
/// does.
namespace relay::cli {

/// How many objects and lists may lie inside each other in what is read. Deeper text is malformed for us: no format that we read needs it,
/// and whoever walks the result may recurse.
inline constexpr int most_json_levels = 64;

/// A value of an object that was read.
struct JsonMember {
    enum class Kind { null, boolean, number, text, structured };
    Kind kind = Kind::null;
    bool truth = false;  ///< of a boolean
    std::string text{};  ///< of a text, itself, without quotes; of a number, list or object, its JSON on one line
};
/// By name; of two members with the same name, the last.
using JsonObject = std::map<std::string, JsonMember, std::less<>>;

/// The members of a JSON object; none: `text` is malformed, too deep, or something else.
std::optional<JsonObject> read_json_object(std::string_view text);

/// The texts of a JSON array of texts; none: `text` is malformed or something else.
std::optional<std::vector<std::string>> read_json_texts(std::string_view text);

/// `text` as a JSON string, in quotes. Malformed bytes become U+FFFD.
std::string json_string(std::string_view text);

/// The same JSON on one line, or indented by two blanks; members keep their order. None: it is malformed or too deep.
std::optional<std::string> reformat_json(std::string_view text, bool indented);

}  // namespace relay::cli
