#pragma once

#include <sys/stat.h>
#include <string>

namespace relay::cli {

/// Returns true if a service manager made this file for this process, so that its mode is what it should be, although
/// others than its owner may read it: a file in $CREDENTIALS_DIRECTORY (systemd's LoadCredential=) or in /run/secrets
/// (containers), or one of root's that only a group of this process may read (a Kubernetes Secret with fsGroup). The file
/// must belong to root or to this user, and no one else may write to it. For root itself only the two folders count,
/// because root can change the mode of any other file.
bool is_service_secret(struct stat const &file, std::string const &path);

}  // namespace relay::cli
