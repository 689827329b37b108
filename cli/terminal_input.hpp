#pragma once

#include "relay/crypto/secret_buffer.hpp"

#include <string>

namespace relay::cli {

/// Asks on stderr and reads a line from the terminal on stdin without showing it. The terminal is as before afterwards, also when a signal
/// ends the program meanwhile. Throws Error: declined, at Ctrl-D; usage, the line is longer than 4096 bytes.
SecretBuffer read_hidden_line(std::string const &question);

/// As read_hidden_line, with an echo.
std::string read_shown_line(std::string const &question);

}  // namespace relay::cli
