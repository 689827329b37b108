#pragma once

#include "cli/sandbox/server_user.hpp"

#include <optional>
#include <string>

namespace relay::cli::sandbox {

/// An installed PostgreSQL.
struct Binaries {
    std::string folder;
    std::string version;  ///< "15.20", "16beta1"
    int major = 0;

    std::string initdb() const { return folder + "/initdb"; }
    std::string postgres() const { return folder + "/postgres"; }
};

/// Returns the newest installed PostgreSQL that `user` may run, or the one of version `major`. Looks in the folders of
/// the Debian and RPM packages, then in the one that `pg_config --bindir` prints, then on PATH. Throws Error
/// (unavailable) that names the package to install if there is none.
Binaries find_binaries(ServerUser const &user, std::optional<int> major);

}  // namespace relay::cli::sandbox
