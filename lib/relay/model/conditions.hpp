#pragma once

#include "relay/model/ids.hpp"

#include <optional>

namespace relay {

/// Under which conditions a permission holds: a JSON object (RFC 8259) that says something, such as `{"max_amount": 10000}`, in at most 4096
/// bytes. What it means is between the operator and the gateway.
///
/// Refused besides what is no JSON: a name that stands twice in an object, a NUL character, more than 32 levels, and a number with more than 15
/// digits or beyond 1e300: programs would disagree on what they read.
class Conditions : public detail::CheckedText<Conditions> {
  public:
    /// Throws Error (usage) that says at which byte what is wrong.
    static Conditions parse(std::string_view text);

  private:
    explicit Conditions(std::string text) : CheckedText(std::move(text)) {}
};

/// What a permission that is granted is bound to.
struct GrantTerms {
    bool keep = true;  ///< what was granted before stays under the conditions that it has; what is new has none
    std::optional<Conditions> conditions{};  ///< if not `keep`: the ones that hold from now on; none: it is free of any
};

}  // namespace relay
