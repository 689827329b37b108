#pragma once

#include "cli/sandbox/server_user.hpp"

#include <string>

namespace relay::cli::sandbox {

/// Where everything of the sandbox stands. The base belongs to us; of what is in it, only `data` and the socket
/// folder belong to the server's user, so that nothing which root opens for writing can be swapped by that user.
struct Layout {
    ServerUser user;
    std::string base;  ///< <state home>/relay-admin/sandbox
    bool is_chosen = false;  ///< XDG_STATE_HOME asked for this place
    std::string why_here{};  ///< why it is not in the usual place; empty: it is

    std::string data() const { return base + "/data"; }  ///< a whole cluster: renamed from data_tmp when finished
    std::string data_tmp() const { return base + "/data.tmp"; }
    std::string log() const { return base + "/server.log"; }
    std::string marker() const { return base + "/RELAY-ADMIN-SANDBOX"; }  ///< says that this folder is ours to remove
    std::string socket_home() const { return base + "/socket"; }
    std::string socket_record() const {
        return base + "/socket-dir";
    }  ///< holds the socket folder's path when it is not socket_home
    std::string lock() const { return base + ".lock"; }  ///< beside the base, so that it outlives the base's removal
    std::string folder() const { return base.substr(0, base.rfind('/')); }
};

/// Finds the place: `$XDG_STATE_HOME/relay-admin/sandbox`, by default `~/.local/state/...`. Only a default may give way
/// to another place: for root, whose home folder is closed to the server's user (/root) or belongs to someone else
/// (sudo), it is `/var/lib/relay-admin/sandbox`, and `why_here` gives the reason. Makes nothing.
///
/// Throws Error: usage, XDG_STATE_HOME or HOME names a place that cannot be used (a relative path as well: the XDG Base
/// Directory Specification 0.8 would ignore it, and the data would be where nobody asked for them); unavailable, no
/// home folder, or no account for the server.
Layout find_layout();

/// Makes the folder that holds the base and the lock, but not the base. Throws Error: usage, it cannot be made where
/// XDG_STATE_HOME asks for it; unavailable.
void make_folder(Layout const &layout);

/// Makes the base with its marker, both at once for whoever looks. With the lock held. Throws Error: conflict,
/// something stands there that is not a sandbox of ours; unavailable.
void make_base(Layout const &layout);

/// Removes the base and all in it, at once for whoever looks. The server must not be running. With the lock held.
void remove_base(Layout const &layout);

/// Removes what a make_base or a remove_base has left that was killed. True if there was any. With the lock held.
bool remove_leftovers(Layout const &layout);

/// Throws Error: conflict, if the base holds anything that the sandbox has not put there.
void check_nothing_foreign(Layout const &layout);

/// True if the base is there and ours; false if there is none, or an empty folder. Throws Error: conflict, it is
/// something else.
bool base_exists(Layout const &layout);

}  // namespace relay::cli::sandbox
