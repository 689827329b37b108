#pragma once

#include "cli/command_line/globals.hpp"
#include "cli/output/screen.hpp"

#include <optional>
#include <string>
#include <string_view>

/// Long text for a person, one screen at a time. Never for a document that shows a secret: a pager may keep what it was given.
namespace relay::cli {

/// RELAY_ADMIN_PAGER, else PAGER, else `less`, as a command for sh. Null if it is empty or `cat`, or if the terminal has no cursor to move.
std::optional<std::string> pager_command(Environment const &environment);

/// True if `text` with a prompt below it is taller than the screen, lines that the terminal wraps included.
bool is_taller(std::string_view text, Screen const &screen);

/// Gives `text` to `command`, and waits for its end; a Ctrl-C meanwhile is the pager's. LESS=FRX and LV=-c unless they are set.
/// True if the pager has shown it, quitting early included; false if it is missing or has failed: then nobody has seen the text.
bool show_in_pager(std::string const &command, std::string_view text);

}  // namespace relay::cli
