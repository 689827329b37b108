#pragma once

#include "relay/model/json_value.hpp"

#include <cstddef>
#include <string_view>

namespace relay {

/// Returns how many bytes PostgreSQL writes for a value of type jsonb: with a blank behind each `:` and `,`, and numbers in
/// full (1e3 as 1000). The size of a card is measured so, because the database has no other text of it.
std::size_t jsonb_size(JsonValue const &value);

/// Returns whether PostgreSQL holds a number that fits a double: not one with more than 16383 decimals, written in full.
bool jsonb_holds(std::string_view number);

}  // namespace relay
