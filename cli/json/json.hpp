#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// JSON (RFC 8259) as the program reads and writes it. Only this folder includes the JSON library, which adds three
/// seconds to the compilation of each file that includes it.
namespace relay::cli {

/// How deep objects and lists may be nested in JSON that we read. We treat deeper text as malformed: no format that we
/// read needs it, and code that walks the result may recurse.
inline constexpr int most_json_levels = 64;

/// One value of a JSON object.
struct JsonMember {
    enum class Kind { null, boolean, number, text, structured, twice };
    Kind kind = Kind::null;
    bool truth = false;  ///< the value of a boolean
    std::string text{};  ///< a text without its quotes; a number, list or object as JSON on one line
};
/// The members by name. If two have the same name, their kind is `twice`, because programs differ in which one counts.
using JsonObject = std::map<std::string, JsonMember, std::less<>>;

/// Returns the members of a JSON object; none if `text` is malformed, too deep, or not an object.
std::optional<JsonObject> read_json_object(std::string_view text);

/// Returns why read_json_object returns none for `text`: "it is nested deeper than 64 levels", "it is not a JSON object".
std::string json_object_fault(std::string_view text);

/// Returns the strings of a JSON array of strings; none if `text` is malformed or something else.
std::optional<std::vector<std::string>> read_json_texts(std::string_view text);

/// Returns `text` as a JSON string, in quotes. Malformed bytes become U+FFFD.
std::string json_string(std::string_view text);

/// Returns the same JSON on one line, or indented by two blanks. Only blanks differ: the order of members, and each
/// number and text, is as it was written. None if `text` is malformed or too deep.
std::optional<std::string> reformat_json(std::string_view text, bool indented);

}  // namespace relay::cli
