#pragma once

#include "cli/input/text_source.hpp"

#include <cstddef>
#include <functional>
#include <string>

namespace relay::cli {

/// Passes each agent id of a decoded text to `take`, unchecked, with its line. The text is
/// - one id per line; empty lines and lines that begin with # are ignored;
/// - CSV whose header has a column agent_id, as read_rows reads it. A first line that is itself a valid id is an id, so
///   a list of ids under the one word agent_id passes that word too: an agent could have that name;
/// - JSON: a list of texts, or objects with agent_id, as read_rows reads them.
/// Throws Error (usage), which names the line, for a row that has no id or cannot be read.
void read_id_list(TextSource &source, std::string const &name,
                  std::function<void(std::size_t line, std::string const &id)> const &take);

}  // namespace relay::cli
