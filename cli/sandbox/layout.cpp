#include "cli/sandbox/layout.hpp"

#include "cli/output/command_text.hpp"
#include "cli/sandbox/files.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <pwd.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <optional>

namespace relay::cli::sandbox {

namespace {

constexpr auto fresh_suffix = ".new";
constexpr auto doomed_suffix = ".old";
constexpr auto system_state_home = "/var/lib";

std::string marker_text() {
    return "This folder is the sandbox of relay-admin; `" + command_line({}, {"sandbox", "destroy"}) +
           "` removes it.\n";
}

std::optional<std::string> absolute_folder(char const *name) {
    char const *const value = std::getenv(name);
    if (value == nullptr || *value != '/') {
        return std::nullopt;
    }
    // "/a//b/../c/" and "/a/c" must be one sandbox with one lock.
    std::string folder = std::filesystem::path(value).lexically_normal().string();
    while (folder.size() > 1 && folder.back() == '/') {
        folder.pop_back();
    }
    return folder == "/" ? std::string() : folder;
}

std::string default_state_home() {
    if (auto const home = absolute_folder("HOME")) {
        return *home + "/.local/state";
    }
    passwd const *const entry = getpwuid(geteuid());
    if (entry == nullptr || entry->pw_dir == nullptr || *entry->pw_dir != '/') {
        throw Error(ErrorKind::unavailable, "no place for the sandbox",
                    {.why = "HOME is not set", .next = "set XDG_STATE_HOME to a folder of your own"});
    }
    return std::string(entry->pw_dir) + "/.local/state";
}

/// Under sudo, HOME may still be the caller's: root must not leave files of its own in there.
bool belongs_to_root(std::string folder) {
    struct stat found {};
    while (stat(folder.c_str(), &found) != 0 && folder.size() > 1) {
        folder.resize(std::max<std::size_t>(folder.rfind('/'), 1));
    }
    return found.st_uid == 0;
}

Error not_ours(Layout const &layout, std::string why) {
    return Error(ErrorKind::conflict, layout.base + " is not a sandbox of relay-admin",
                 {.why = std::move(why), .next = "move it away, or set XDG_STATE_HOME to another folder"});
}

}  // namespace

Layout find_layout() {
    constexpr auto below = "/relay-admin/sandbox";
    ServerUser user = server_user();
    std::string home;
    bool asked_for = false;
    if (auto const chosen = absolute_folder("XDG_STATE_HOME")) {
        home = *chosen;
        asked_for = true;
    } else {
        home = default_state_home();
    }
    if (!user.drop || (can_traverse(user, home + below) && (asked_for || belongs_to_root(home)))) {
        return {std::move(user), home + below};
    }
    std::string why =
        (home.empty() ? "/" : home) + " is not open to the user " + user.name + ", as whom the server runs";
    return {std::move(user), std::string(system_state_home) + below, std::move(why)};
}

void make_folder(Layout const &layout) {
    mode_t const mode = layout.user.drop ? 0711 : 0700;
    for (std::size_t end = layout.base.find('/', 1); end != std::string::npos; end = layout.base.find('/', end + 1)) {
        make_directory(layout.base.substr(0, end), mode);
    }
}

bool base_exists(Layout const &layout) {
    struct stat found {};
    if (lstat(layout.base.c_str(), &found) != 0) {
        if (errno == ENOENT || errno == ENOTDIR) {
            return false;
        }
        throw file_error("cannot look at " + layout.base);
    }
    if (!S_ISDIR(found.st_mode)) {
        throw not_ours(layout, "it is not a folder");
    }
    if (found.st_uid != geteuid()) {
        throw not_ours(layout, "it belongs to another user");
    }
    if ((found.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        throw not_ours(layout, "others may write to it");
    }
    struct stat mark {};
    if (lstat(layout.marker().c_str(), &mark) == 0 && S_ISREG(mark.st_mode)) {
        return true;
    }
    std::error_code gone;
    if (!std::filesystem::is_empty(layout.base, gone) && !gone) {
        throw not_ours(layout, "it holds files, but not the file " + layout.marker().substr(layout.base.size() + 1));
    }
    return false;
}

void make_base(Layout const &layout) {
    if (base_exists(layout)) {
        return;
    }
    std::string const fresh = layout.base + fresh_suffix;
    make_directory(fresh, layout.user.drop ? 0711 : 0700);
    write_file(fresh + layout.marker().substr(layout.base.size()), marker_text());
    if (rename(fresh.c_str(), layout.base.c_str()) != 0) {
        throw file_error("cannot make " + layout.base);
    }
}

void remove_base(Layout const &layout) {
    std::string const doomed = layout.base + doomed_suffix;
    if (rename(layout.base.c_str(), doomed.c_str()) != 0) {
        throw file_error("cannot remove " + layout.base);
    }
    remove_tree(doomed);
}

bool remove_leftovers(Layout const &layout) {
    bool any = false;
    for (auto const *suffix : {fresh_suffix, doomed_suffix}) {
        std::string const path = layout.base + suffix;
        struct stat found {};
        if (lstat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode) && found.st_uid == geteuid()) {
            any = remove_tree(path) || any;
        }
    }
    return any;
}

void check_nothing_foreign(Layout const &layout) {
    std::array const ours{layout.data(),
                          layout.data_tmp(),
                          layout.log(),
                          layout.marker(),
                          layout.socket_home(),
                          layout.socket_record(),
                          layout.socket_record() + ".new"};
    std::error_code gone;
    for (auto const &entry : std::filesystem::directory_iterator(layout.base, gone)) {
        if (std::find(ours.begin(), ours.end(), entry.path().string()) == ours.end()) {
            throw Error(ErrorKind::conflict,
                        layout.base + " holds what is not the sandbox's: " +
                            escape_for_terminal(entry.path().filename().string()),
                        {.why = "it would be removed as well", .next = "move it away, then try again"});
        }
    }
}

}  // namespace relay::cli::sandbox
