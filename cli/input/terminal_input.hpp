#pragma once

#include "relay/crypto/secret_buffer.hpp"

#include <string>

/// Reads one line from the terminal on stdin, after a question on stderr. This is the only place that reads answers.
///
/// Ctrl-C and other ending signals end the program. Ctrl-Z stops it, and `fg` asks again. In both cases the terminal is
/// restored first, including its echo. Both functions throw Error: declined at Ctrl-D; usage if the line is longer than
/// 4096 bytes.
namespace relay::cli {

/// Reads a line without showing it. Throws Error (usage) also if the echo cannot be turned off.
SecretBuffer read_hidden_line(std::string const &question);

/// Reads a line that is shown as it is typed.
std::string read_shown_line(std::string const &question);

}  // namespace relay::cli
