#pragma once

#include "cli/context.hpp"
#include "cli/output/document.hpp"
#include "relay/model/error.hpp"

#include <string>

namespace relay::cli {

/// The document of product version "relay-admin/v1"; every key present, null when empty. With `indented` over several lines.
/// Besides what JSON asks for, DEL, C1 and bidi controls are written as \\u escapes: a terminal must not obey them.
std::string render_json(Document const &document, bool indented);
/// One bare item a line with its `kind`, then a line of kind "Summary" (absent: the output was cut off).
std::string render_jsonl(Document const &document);
/// The error object on one line, with its newline.
std::string error_json(Error const &error, Globals const &globals);
/// A value alone, on one line without a newline.
std::string value_json(Value const &value);

/// "Agent" of "AgentList".
std::string item_kind(std::string const &kind);

}  // namespace relay::cli
