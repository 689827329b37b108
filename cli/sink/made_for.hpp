#pragma once

#include <optional>
#include <string>

namespace relay::cli {

/// An unfinished secret says which database can tell whether it is live: in an attribute of the file (user.relay_admin.database), since its
/// bytes are the secret's alone. Another database knows neither its key nor its operation, and would take it for dead.
///
/// A file system without attributes keeps nothing: then the file says nothing, and whoever settles it must know where it belongs.
void set_made_for(int fd, std::string const &database_id) noexcept;
std::optional<std::string> made_for(int fd);
/// A finished secret is nobody's business but its reader's.
void clear_made_for(int fd) noexcept;

}  // namespace relay::cli
