#include "cli/sandbox/layout.hpp"

#include "cli/output/command_text.hpp"
#include "cli/sandbox/chosen_folder.hpp"
#include "cli/sandbox/files.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <pwd.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <optional>

namespace relay::cli::sandbox {

namespace {

constexpr auto fresh_suffix = ".new";
constexpr auto doomed_suffix = ".old";
constexpr auto system_state_home = "/var/lib";
constexpr auto name_of_folder = "/relay-admin";
constexpr auto name_of_base = "/sandbox";

std::string marker_text() {
    return "This folder is the sandbox of relay-admin; `" + command_line({}, {"sandbox", "destroy"}) +
           "` removes it.\n";
}

std::string default_state_home() {
    if (auto const home = absolute_folder("HOME")) {
        return *home + "/.local/state";
    }
    passwd const *const entry = getpwuid(geteuid());
    if (entry == nullptr || entry->pw_dir == nullptr || *entry->pw_dir != '/') {
        throw Error(ErrorKind::unavailable, "there is no place for the sandbox",
                    {.why = "HOME is not set", .next = "set XDG_STATE_HOME to a folder that you own"});
    }
    return std::string(entry->pw_dir) + "/.local/state";
}

/// Returns whether the folder, or its first existing parent, belongs to root. Under sudo, HOME may still be the
/// caller's: root must not leave files there.
bool belongs_to_root(std::string folder) {
    struct stat found {};
    while (stat(folder.c_str(), &found) != 0 && folder.size() > 1) {
        folder.resize(std::max<std::size_t>(folder.rfind('/'), 1));
    }
    return found.st_uid == 0;
}

Layout layout_in(std::string const &state_home, ServerUser user) {
    return {.user = std::move(user), .base = state_home + name_of_folder + name_of_base};
}

/// Returns what keeps the server's user out of a state home. base_exists checks the base itself.
std::optional<Obstacle> obstacle_in(std::string const &state_home, ServerUser const &user) {
    return find_obstacle(user, state_home + name_of_folder);
}

/// Returns the layout in the place that the user chose. If it cannot be used, that is an error: the user would not look
/// for the data elsewhere.
Layout chosen_layout(std::string const &state_home, ServerUser user) {
    if (auto const obstacle = obstacle_in(state_home, user)) {
        std::string const whose = user.drop ? " that the user " + user.name + " can enter" : " that you own";
        throw refused_folder("XDG_STATE_HOME", "the sandbox", obstacle->text(user),
                             "set XDG_STATE_HOME to a folder" + whose + ", or unset it");
    }
    Layout layout = layout_in(state_home, std::move(user));
    layout.is_chosen = true;
    return layout;
}

/// Returns the layout in the default place: the home folder, or for root the system's folder if the home folder cannot
/// be used.
Layout default_layout(ServerUser user) {
    std::string const home = default_state_home();
    std::string why;
    if (auto const obstacle = user.drop ? obstacle_in(home, user) : std::nullopt) {
        why = obstacle->text(user);
    } else if (user.drop && !belongs_to_root(home)) {
        why = home + " does not belong to root";
    }
    Layout layout = layout_in(why.empty() ? home : system_state_home, std::move(user));
    layout.why_here = std::move(why);
    return layout;
}

Error not_ours(Layout const &layout, std::string why) {
    return Error(ErrorKind::conflict, layout.base + " is not a sandbox of relay-admin",
                 {.why = std::move(why), .next = "move it away, or set XDG_STATE_HOME to another folder"});
}

}  // namespace

Layout find_layout() {
    auto const chosen = absolute_folder("XDG_STATE_HOME");
    return chosen ? chosen_layout(*chosen, server_user()) : default_layout(server_user());
}

void make_folder(Layout const &layout) {
    mode_t const mode = layout.user.drop ? 0711 : 0700;
    try {
        for (std::size_t end = layout.base.find('/', 1); end != std::string::npos;
             end = layout.base.find('/', end + 1)) {
            make_directory(layout.base.substr(0, end), mode);
        }
    } catch (Error const &error) {
        std::string next = "set XDG_STATE_HOME to a folder that you own";
        if (layout.is_chosen) {
            throw refused_folder("XDG_STATE_HOME", "the sandbox", error.message() + ": " + error.hint().why,
                                 std::move(next) + ", or unset it");
        }
        throw Error(error.kind(), error.message(), {.why = error.hint().why, .next = std::move(next)});
    }
}

bool base_exists(Layout const &layout) {
    struct stat found {};
    if (lstat(layout.base.c_str(), &found) != 0) {
        if (errno == ENOENT || errno == ENOTDIR) {
            return false;
        }
        throw file_error("cannot check " + layout.base);
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
        throw not_ours(layout, "it contains files, but not the file " + layout.marker().substr(layout.base.size() + 1));
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
        throw file_error("cannot create " + layout.base);
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
                        layout.base + " contains a file that is not part of the sandbox: " +
                            escape_for_terminal(entry.path().filename().string()),
                        {.why = "it would be removed, too", .next = "move it away, then try again"});
        }
    }
}

}  // namespace relay::cli::sandbox
