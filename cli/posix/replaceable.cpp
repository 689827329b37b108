#include "cli/posix/replaceable.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <fstream>

namespace relay::cli {

namespace {

/// Returns the status of `name`, or of the folder itself if it is empty. Nothing if it cannot be read.
std::optional<struct statx> extended_status(int folder, std::string const &name) {
    struct statx status {};
    int const flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (name.empty() ? AT_EMPTY_PATH : 0);
    return ::statx(folder, name.c_str(), flags, STATX_BASIC_STATS, &status) == 0 ? std::optional(status) : std::nullopt;
}

/// Returns a path as /proc/self/mountinfo writes it (proc(5)): blanks and backslashes as octal numbers.
std::string as_in_mountinfo(std::string const &path) {
    std::string text;
    for (char const c : path) {
        switch (c) {
            case ' ': text += "\\040"; break;
            case '\t': text += "\\011"; break;
            case '\n': text += "\\012"; break;
            case '\\': text += "\\134"; break;
            default: text += c;
        }
    }
    return text;
}

/// For kernels before 5.8, whose statx(2) does not know mount points.
bool is_in_mountinfo(int folder, std::string const &name) {
    std::array<char, PATH_MAX> path{};
    std::string const link = "/proc/self/fd/" + std::to_string(folder);
    ssize_t const size = ::readlink(link.c_str(), path.data(), path.size());
    if (size <= 0) {
        return false;
    }
    std::string const around(path.data(), static_cast<std::size_t>(size));
    std::string const wanted = as_in_mountinfo((around == "/" ? "" : around) + "/" + name);
    std::ifstream mounts("/proc/self/mountinfo");
    std::string line;
    while (std::getline(mounts, line)) {
        std::size_t field = 0;
        for (int i = 0; i < 4 && field != line.npos; ++i) {
            field = line.find(' ', field == 0 ? 0 : field + 1);
        }
        if (field != line.npos && line.compare(field + 1, line.find(' ', field + 1) - field - 1, wanted) == 0) {
            return true;
        }
    }
    return false;
}

bool is_mount_point(int folder, std::string const &name, struct statx const &status) {
    return (status.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0
               ? (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0
               : is_in_mountinfo(folder, name);
}

}  // namespace

std::optional<Obstacle> why_not_replaceable(int folder, std::string const &name) {
    auto const status = extended_status(folder, name);
    if (!status) {
        return std::nullopt;
    }
    if (is_mount_point(folder, name, *status)) {
        return Obstacle{"is a mount point", "a new file cannot take its name, and what is mounted there would stay",
                        "mount its folder instead of the file, and name a file in that folder"};
    }
    if ((status->stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) != 0) {
        bool const immutable = (status->stx_attributes & STATX_ATTR_IMMUTABLE) != 0;
        return Obstacle{immutable ? "is immutable" : "is append-only", "no one may replace it, not even root",
                        std::string("run chattr ") + (immutable ? "-i" : "-a") + " on it, or choose another name"};
    }
    return std::nullopt;
}

std::optional<Obstacle> why_not_renamable(int folder) {
    auto const status = extended_status(folder, {});
    if (!status || (status->stx_attributes & STATX_ATTR_APPEND) == 0) {
        return std::nullopt;
    }
    return Obstacle{"is append-only", "files in it can be made, but not renamed or removed",
                    "run chattr -a on it, or choose another folder"};
}

}  // namespace relay::cli
