#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace relay {

/// A value of JSON, for code that looks at all of it. Its maker bounds how deep it is nested, because code that walks it
/// may recurse.
struct JsonValue {
    enum class Kind { null, boolean, number, text, list, object };
    Kind kind = Kind::null;
    bool truth = false;  ///< the value of a boolean
    std::string text{};  ///< a text without its quotes; a number as it was written
    std::vector<JsonValue> items{};
    std::map<std::string, JsonValue, std::less<>> members{};

    bool is(Kind wanted) const noexcept { return kind == wanted; }
    /// Returns a member of an object, or null if there is none, or it is JSON's null.
    JsonValue const *find(std::string_view name) const;
};

}  // namespace relay
