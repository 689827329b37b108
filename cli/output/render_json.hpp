#pragma once

#include "cli/context.hpp"
#include "cli/output/document.hpp"
#include "relay/model/database_label.hpp"
#include "relay/model/error.hpp"

#include <optional>
#include <string>

namespace relay::cli {

/// Returns the document as JSON of schema "relay-admin/v1": every key is present, null if it has no value; on several
/// lines if `indented`. Besides what JSON requires, invisible characters are written as \\u escapes: a terminal
/// must not obey them. `database` is where the command ran; none: it asked no database.
std::string render_json(Document const &document, bool indented, std::optional<DatabaseLabel> const &database = {});
/// Returns one item per line with its `kind`, then a line of kind "Summary". If the Summary is missing, the output was
/// cut off.
std::string render_jsonl(Document const &document, std::optional<DatabaseLabel> const &database = {});
/// Returns the error object on one line, with its newline.
std::string error_json(Error const &error, Globals const &globals);
/// Returns a single value on one line, without a newline.
std::string value_json(Value const &value);

/// Returns "Agent" for "AgentList".
std::string item_kind(std::string const &kind);

}  // namespace relay::cli
