#pragma once

#include <optional>
#include <string>

namespace relay::cli {

/// Records which database knows whether an unfinished secret is live. This is in an attribute of the file
/// (user.relay_admin.database), because the content is only the secret. Another database has neither its key nor its
/// operation, and would take the key for dead.
///
/// A file system without attributes stores nothing. Then the user who settles the file must know which database it
/// belongs to.
void set_made_for(int fd, std::string const &database_id) noexcept;
std::optional<std::string> made_for(int fd);
/// Removes the attribute: a finished secret file is only for its reader.
void clear_made_for(int fd) noexcept;

}  // namespace relay::cli
