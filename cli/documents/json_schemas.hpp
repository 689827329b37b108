#pragma once

#include <span>
#include <string_view>

namespace relay::cli {

/// The contract of one `kind` that `-o json` or `-o jsonl` prints: a JSON Schema (draft 2020-12) that needs no other
/// file.
struct JsonSchema {
    std::string_view kind;  ///< "AgentDetails"
    std::string_view description;  ///< one sentence
    std::string_view text;  ///< ends with a newline
};

/// Every kind, in order of names. Made by CMake from schema/json/.
std::span<JsonSchema const> json_schemas() noexcept;

}  // namespace relay::cli
