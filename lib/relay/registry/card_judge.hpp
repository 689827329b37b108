#pragma once

#include "relay/model/json_value.hpp"

#include <string>
#include <vector>

/// Agent cards: what an agent can do and where it answers, in the shapes of the A2A protocol (0.2, 0.3 and 1.0).
namespace relay {

/// Returns all that is wrong with an agent card, each as "PATH: WHAT"; none if it is one. It never quotes the card.
///
/// The rules, their order and words are those of relay.card_problems (schema/0035_agent_cards.sql), so that a card can be
/// judged without a database. schema/json/agent-card.schema.json has them, too. A test judges the same cards by all three.
std::vector<std::string> card_problems(JsonValue const &card);

}  // namespace relay
