#include "relay/db/password_file.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cstdlib>

namespace relay::db {
namespace {

std::string home_directory() {
    if (char const *const home = std::getenv("HOME"); home != nullptr && *home != '\0') {
        return home;
    }
    passwd const *const user = ::getpwuid(::geteuid());
    return user != nullptr && user->pw_dir != nullptr ? user->pw_dir : "";
}

}  // namespace

std::string password_file(std::string const &passfile) {
    if (!passfile.empty()) {
        return passfile;
    }
    std::string const home = home_directory();
    return home.empty() ? "" : home + "/.pgpass";
}

PasswordFileFault find_password_file_fault(std::string const &path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
        return PasswordFileFault::none;
    }
    if (!S_ISREG(status.st_mode)) {
        return PasswordFileFault::not_regular;
    }
    return (status.st_mode & (S_IRWXG | S_IRWXO)) != 0 ? PasswordFileFault::open_to_others : PasswordFileFault::none;
}

}  // namespace relay::db
