#pragma once

#include "relay/model/text_of.hpp"

#include <fmt/format.h>

/// Lets fmt write ids, subjects and enums with a table as their text: fmt::format("agent {} is {}", agent.agent_id,
/// agent.status).
template <relay::HasText T>
struct fmt::formatter<T, char, void> : fmt::formatter<std::string_view, char, void> {
    template <typename Context>
    auto format(T const &value, Context &context) const {
        return fmt::formatter<std::string_view, char, void>::format(text_of(value), context);
    }
};
