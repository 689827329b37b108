#pragma once

#include <string>

namespace relay::db {

/// A path at which there never is a file, for libpq's `passfile`. libpq 13 to 18 ignores it silently. If it is given
/// /dev/null or an empty path, it prints a warning, or reads ~/.pgpass.
constexpr char const *no_password_file = "/dev/null/none";

/// Returns the file in which libpq looks for a password: `passfile` if that is set, otherwise ~/.pgpass. Empty: there
/// is no home directory.
std::string password_file(std::string const &passfile);

/// Why libpq ignores a password file.
enum class PasswordFileFault {
    none,  ///< it reads the file, or there is none
    not_regular,  ///< such as /dev/null, by which people say that there is none
    open_to_others,
};

/// Returns why libpq would ignore the file at `path`. It also would print that to stderr, so a connection must not get
/// the path of such a file.
PasswordFileFault find_password_file_fault(std::string const &path);

}  // namespace relay::db
