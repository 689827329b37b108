#include "cli/posix/trust.hpp"

#include "relay/model/text.hpp"

#include <unistd.h>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace relay::cli {
namespace {

bool is_ours(struct stat const &status) { return status.st_uid == ::geteuid() || status.st_uid == 0; }

bool is_writable_by_others(struct stat const &status) { return (status.st_mode & (S_IWGRP | S_IWOTH)) != 0; }

std::string owner_of(struct stat const &status) {
    return " belongs to another user (uid " + std::to_string(status.st_uid) + ")";
}

std::string folder_of(std::string const &path) {
    auto const slash = path.rfind('/');
    return slash == path.npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

std::optional<Distrust> distrust_itself(struct stat const &folder, std::string const &path, Harm harm) {
    std::string const shown = escape_for_terminal(path);
    if (!is_ours(folder)) {
        return Distrust{.fault = "the folder " + shown + owner_of(folder),
                        .why = "its owner could replace the files in it",
                        .next = "choose a folder that you own"};
    }
    bool const is_sticky = (folder.st_mode & S_ISVTX) != 0;
    if (is_writable_by_others(folder) && !(is_sticky && harm == Harm::replace)) {
        return Distrust{.fault = "other users may write to the folder " + shown,
                        .why = std::string("they could ") + (is_sticky ? "add files to it" : "replace the files in it"),
                        .next = "run chmod go-w " + shown + ", or choose a folder that only you may write to"};
    }
    return std::nullopt;
}

/// Symbolic links are resolved first: a folder that a link is in is not among those that lead to the file.
std::optional<Distrust> distrust_parents(std::string const &path) {
    std::unique_ptr<char, decltype(&std::free)> const real(::realpath(path.c_str(), nullptr), &std::free);
    for (std::string child = real ? real.get() : "/"; child != "/";) {
        std::string const parent = folder_of(child);
        struct stat status {};
        bool const is_known = ::stat(parent.c_str(), &status) == 0;
        std::string const shown = escape_for_terminal(parent);
        std::string const harm = " could put another folder in place of " + escape_for_terminal(child);
        if (is_known && !is_ours(status)) {
            return Distrust{.fault = "the folder " + shown + owner_of(status),
                            .why = "its owner" + harm,
                            .next = "choose a folder whose parents belong to you or root"};
        }
        if (is_known && is_writable_by_others(status) && (status.st_mode & S_ISVTX) == 0) {
            return Distrust{.fault = "other users may write to the folder " + shown,
                            .why = "they" + harm,
                            .next = "run chmod go-w " + shown + ", or choose a folder elsewhere"};
        }
        child = parent;
    }
    return std::nullopt;
}

}  // namespace

std::optional<Distrust> distrust_folder(struct stat const &folder, std::string const &path, Harm harm) {
    auto const distrust = distrust_itself(folder, path, harm);
    return distrust ? distrust : distrust_parents(path);
}

std::optional<Distrust> distrust_file(int file, std::string const &path) {
    struct stat status {};
    if (::fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
        return std::nullopt;
    }
    std::string const shown = escape_for_terminal(path);
    if (!is_ours(status)) {
        return Distrust{.fault = "the file " + shown + owner_of(status),
                        .why = "its owner could change it",
                        .next = "copy it to a file that you own"};
    }
    if (is_writable_by_others(status)) {
        return Distrust{.fault = "other users may write to the file " + shown,
                        .why = "they could change it",
                        .next = "run chmod go-w " + shown};
    }
    struct stat folder {};
    if (::stat(folder_of(path).c_str(), &folder) != 0) {
        return std::nullopt;
    }
    return distrust_folder(folder, folder_of(path));
}

}  // namespace relay::cli
