#pragma once

#include "cli/environment/render.hpp"
#include "relay/crypto/secret_buffer.hpp"

#include <string>
#include <vector>

namespace relay::cli {

class Context;

/// Variables of a file of NAME=VALUE lines, with what it takes to keep them: they may be secret.
struct AppendedVariables {
    SecretBuffer text;
    std::vector<Variable> variables{};  ///< in `text`
};

/// Reads --append FILE, or stdin for `-`, as docker run --env-file does: a value is the text after = as it is; empty lines
/// and lines that begin with # are skipped. A name is refused if it is in the file twice, or in `taken`.
///
/// Throws Error (usage), which names a line or a variable but never a value: unreadable, longer than 64 KiB, a NUL, not
/// UTF-8, not a line of the form NAME=VALUE.
AppendedVariables read_appended(Context &context, std::string const &path, std::vector<std::string> const &taken);

}  // namespace relay::cli
