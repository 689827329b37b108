#pragma once

#include "cli/command_line/globals.hpp"
#include "cli/output/screen.hpp"

#include <optional>
#include <string>
#include <string_view>

/// Shows long text to a person, one screen at a time. Never for a document that contains a secret: a pager may keep the
/// text.
namespace relay::cli {

/// Returns the pager as a command for sh: RELAY_ADMIN_PAGER, else PAGER, else `less`. None if that is empty or `cat`,
/// or if the terminal cannot move its cursor.
std::optional<std::string> pager_command(Environment const &environment);

/// Returns whether `text` and a prompt below it are taller than the screen; counts the lines that the terminal wraps.
bool is_taller(std::string_view text, Screen const &screen);

/// Pipes `text` to `command` and waits until it ends; Ctrl-C is left to the pager. Sets LESS=FRX and LV=-c unless they
/// are set. Returns true if the pager showed the text, even if the user quit early; false if it is missing or failed,
/// so that the user has not seen the text.
bool show_in_pager(std::string const &command, std::string_view text);

}  // namespace relay::cli
