#pragma once

#include "cli/command_line/command_tree.hpp"

#include <string>

/// The installed manual: one page per command, in section 1.
namespace relay::cli {

/// Returns the page's name: "relay-admin-org-create"; "relay-admin" for the empty path.
std::string manual_page_name(Path const &path);

/// Replaces the process with man(1), showing the page of this command (a path from the table, not an alias). Returns if
/// the page is not installed.
void show_manual_page(Path const &path);

}  // namespace relay::cli
