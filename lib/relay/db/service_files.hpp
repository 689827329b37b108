#pragma once

#include <string>
#include <vector>

namespace relay::db {

/// The user's own service file.
struct ServiceFile {
    std::string path{};  ///< PGSERVICEFILE, or ~/.pg_service.conf
    bool exists = false;
    std::vector<std::string> names{};  ///< of its services that can be shown, in the file's order
};

/// Reads the names in the user's service file. Format: PostgreSQL manual, "The Connection Service File". libpq also
/// reads the system's file, whose folder is compiled in.
ServiceFile users_service_file();

}  // namespace relay::db
