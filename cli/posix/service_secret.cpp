#include "cli/posix/service_secret.hpp"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <vector>

#include <unistd.h>

namespace relay::cli {

namespace {

/// Returns the path without symbolic links; empty if it cannot be read.
std::string real_path(std::string const &path) {
    std::unique_ptr<char, decltype(&std::free)> const real(::realpath(path.c_str(), nullptr), &std::free);
    return real ? real.get() : "";
}

bool is_below(std::string const &path, std::string const &folder) {
    std::string const real = folder.empty() ? "" : real_path(folder);
    return !real.empty() && real != "/" && path.starts_with(real + '/');
}

bool is_in_our_groups(gid_t group) {
    if (group == ::getegid()) {
        return true;
    }
    int const count = ::getgroups(0, nullptr);
    std::vector<gid_t> groups(static_cast<std::size_t>(std::max(count, 0)));
    int const found = ::getgroups(static_cast<int>(groups.size()), groups.data());
    return found > 0 && std::find(groups.begin(), groups.begin() + found, group) != groups.begin() + found;
}

}  // namespace

bool is_service_secret(struct stat const &file, std::string const &path) {
    bool const is_roots = file.st_uid == 0;
    if (!(is_roots || file.st_uid == ::geteuid()) || (file.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return false;
    }
    char const *const credentials = std::getenv("CREDENTIALS_DIRECTORY");
    std::string const real = real_path(path);
    if (is_below(real, credentials == nullptr ? "" : credentials) || is_below(real, "/run/secrets")) {
        return true;
    }
    return is_roots && ::geteuid() != 0 && (file.st_mode & S_IRWXO) == 0 && is_in_our_groups(file.st_gid);
}

}  // namespace relay::cli
