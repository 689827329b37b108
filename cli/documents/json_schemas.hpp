#pragma once

#include <span>
#include <string_view>

namespace relay::cli {

/// The JSON Schema (draft 2020-12) of one `kind` that `-o json` or `-o jsonl` prints. It needs no other file.
struct JsonSchema {
    std::string_view kind;  ///< "AgentDetails"
    std::string_view description;  ///< one sentence
    std::string_view text;  ///< ends with a newline
};

/// Returns every kind, sorted by name. CMake makes this from schema/json/.
std::span<JsonSchema const> json_schemas() noexcept;

}  // namespace relay::cli
