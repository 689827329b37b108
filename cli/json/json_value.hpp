#pragma once

#include "relay/model/json_value.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace relay::cli {

/// What was read: a value, or why there is none.
struct ReadJsonValue {
    std::optional<JsonValue> value{};
    std::string fault{};  ///< "it is not JSON (byte 17)", "it is nested deeper than 64 levels"
};
/// Reads JSON (RFC 8259) of at most `most_json_levels` levels (cli/json/json.hpp), as PostgreSQL's jsonb does: of two members
/// with the same name, the last one counts.
ReadJsonValue read_json_value(std::string_view text);

}  // namespace relay::cli
