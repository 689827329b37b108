#include "cli/sandbox/server_user.hpp"

#include "relay/model/error.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace relay::cli::sandbox {

namespace {

ServerUser myself() {
    ServerUser user;
    user.uid = geteuid();
    user.gid = getegid();
    passwd const *const entry = getpwuid(user.uid);
    user.name = entry == nullptr ? std::to_string(user.uid) : entry->pw_name;
    return user;
}

std::vector<gid_t> groups_of(passwd const &entry) {
    std::vector<gid_t> groups(64);
    auto count = static_cast<int>(groups.size());
    if (getgrouplist(entry.pw_name, entry.pw_gid, groups.data(), &count) < 0) {
        return {entry.pw_gid};
    }
    groups.resize(static_cast<std::size_t>(count));
    return groups;
}

bool may_enter(ServerUser const &user, std::string const &path, struct stat const &folder) {
    if (!user.drop) {
        return faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0;  // for ourselves, the kernel decides
    }
    if (folder.st_uid == user.uid) {
        return (folder.st_mode & S_IXUSR) != 0;
    }
    bool const in_group = folder.st_gid == user.gid ||
                          std::find(user.groups.begin(), user.groups.end(), folder.st_gid) != user.groups.end();
    return (folder.st_mode & (in_group ? S_IXGRP : S_IXOTH)) != 0;
}

}  // namespace

ServerUser server_user() {
    if (geteuid() != 0) {
        return myself();
    }
    for (char const *const name : std::array{"postgres", "nobody"}) {
        passwd const *const entry = getpwnam(name);
        if (entry != nullptr && entry->pw_uid != 0) {
            return {name, entry->pw_uid, entry->pw_gid, groups_of(*entry), true};
        }
    }
    throw Error(ErrorKind::unavailable, "no account for the sandbox's server",
                {.why = "PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody`",
                 .next = "run this as an ordinary user"});
}

bool become(ServerUser const &user) noexcept {
    if (!user.drop) {
        return true;
    }
    return setgroups(user.groups.size(), user.groups.data()) == 0 && setgid(user.gid) == 0 && setuid(user.uid) == 0;
}

std::string Obstacle::text(ServerUser const &user) const {
    return is_closed ? "the server runs as the user " + user.name + ", who cannot enter " + folder : folder + why;
}

std::optional<Obstacle> find_obstacle(ServerUser const &user, std::string const &path) {
    for (std::size_t end = 1;; end = std::min(path.find('/', end + 1), path.size())) {
        std::string const folder = path.substr(0, end);
        struct stat found {};
        if (stat(folder.c_str(), &found) != 0) {
            std::string why = std::string(" cannot be reached (") + std::strerror(errno) + ")";
            if (errno == ENOENT && lstat(folder.c_str(), &found) != 0) {
                return std::nullopt;  // it does not exist yet, nor anything below it
            }
            return Obstacle{.folder = folder, .why = std::move(why)};
        }
        if (!S_ISDIR(found.st_mode)) {
            return Obstacle{.folder = folder, .why = " is not a folder"};
        }
        if (!may_enter(user, folder, found)) {
            return Obstacle{.folder = folder, .is_closed = true};
        }
        if (end >= path.size()) {
            return std::nullopt;
        }
    }
}

bool can_traverse(ServerUser const &user, std::string const &path) { return !find_obstacle(user, path); }

int run_as(ServerUser const &user, std::function<int()> const &body) {
    constexpr int could_not = 126;
    pid_t const child = fork();
    if (child < 0) {
        return could_not;
    }
    if (child == 0) {
        int result = could_not;
        try {
            if (become(user)) {
                result = body();
            }
        } catch (...) {  // the parent reports it; nothing may unwind into the parent's frames here
        }
        _exit(result);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return could_not;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : could_not;
}

}  // namespace relay::cli::sandbox
