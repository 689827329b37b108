#pragma once

#include "relay/crypto/secret_buffer.hpp"

#include <string>

/// One line from the terminal on stdin, asked for on stderr: the only place that reads answers.
///
/// Ctrl-C and the other ending signals end the program, Ctrl-Z stops it and `fg` asks again; either way the terminal is as it was before,
/// also if its echo was off. Both functions throw Error: declined, at Ctrl-D; usage, the line is longer than 4096 bytes.
namespace relay::cli {

/// Reads a line that is not shown. Throws also Error (usage): the echo cannot be turned off.
SecretBuffer read_hidden_line(std::string const &question);

/// Reads a line that is shown as it is typed.
std::string read_shown_line(std::string const &question);

}  // namespace relay::cli
