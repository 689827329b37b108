#pragma once

#include "relay/model/ids.hpp"

#include <optional>

namespace relay {

/// The conditions of a permission: a JSON object (RFC 8259) that is not empty, such as `{"max_amount": 10000}`, of at
/// most 4096 bytes. What it means is up to the operator and the gateway.
///
/// Besides invalid JSON, `parse` refuses a duplicate name in an object, a NUL character, more than 32 levels, and a
/// number with more than 15 digits or beyond 1e300, because programs would read those differently.
class Conditions : public detail::CheckedText<Conditions> {
  public:
    /// Throws Error (usage) that says what is wrong, and at which byte.
    static Conditions parse(std::string_view text);

  private:
    explicit Conditions(std::string text) : CheckedText(std::move(text)) {}
};

/// The conditions under which permissions are granted.
struct GrantTerms {
    bool keep = true;  ///< permissions that are there already keep their conditions; new ones have none
    std::optional<Conditions> conditions{};  ///< if not `keep`: the conditions from now on; none: without conditions
};

}  // namespace relay
