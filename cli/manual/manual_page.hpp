#pragma once

#include "cli/command_line/command_tree.hpp"

#include <string>

/// The installed manual: one page a command, in section 1.
namespace relay::cli {

/// "relay-admin-org-create"; of the empty path "relay-admin".
std::string manual_page_name(Path const &path);

/// Becomes man(1) with the page of the command that has this path, not an alias, in the table. Returns if man does not
/// find the page.
void show_manual_page(Path const &path);

}  // namespace relay::cli
