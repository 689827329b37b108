#pragma once

#include "relay/model/json_value.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace relay::cli {

/// What was read: a value, or why there is none.
struct ReadJsonValue {
    std::optional<JsonValue> value{};
    std::string fault{};  ///< "it is not JSON (byte 17)", "it is nested deeper than 64 levels", "it has a name twice"
};
/// Reads JSON (RFC 8259) of at most `most_json_levels` levels (cli/json/json.hpp). No object may have a name twice, because one
/// reader takes the first of the two members and another the last.
ReadJsonValue read_json_value(std::string_view text);

}  // namespace relay::cli
