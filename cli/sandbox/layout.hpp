#pragma once

#include "cli/sandbox/server_user.hpp"

#include <string>

namespace relay::cli::sandbox {

/// Where the parts of the sandbox are. The base belongs to us. In it, only `data` and the socket folder belong to the
/// server's user, so that this user cannot replace a file that root opens for writing.
struct Layout {
    ServerUser user;
    std::string base;  ///< <state home>/relay-admin/sandbox
    bool is_chosen = false;  ///< XDG_STATE_HOME gives this place
    std::string why_here{};  ///< why it is not in the usual place; empty if it is

    std::string data() const { return base + "/data"; }  ///< a complete cluster: renamed from data_tmp when finished
    std::string data_tmp() const { return base + "/data.tmp"; }
    std::string log() const { return base + "/server.log"; }
    std::string marker() const {
        return base + "/RELAY-ADMIN-SANDBOX";
    }  ///< marks this folder as ours, so that we may remove it
    std::string socket_home() const { return base + "/socket"; }
    std::string socket_record() const {
        return base + "/socket-dir";
    }  ///< contains the socket folder's path if that is not socket_home
    std::string lock() const { return base + ".lock"; }  ///< beside the base, so that it outlives the base's removal
    std::string folder() const { return base.substr(0, base.rfind('/')); }
};

/// Finds the place of the sandbox: `$XDG_STATE_HOME/relay-admin/sandbox`, by default `~/.local/state/...`. Only the
/// default may be replaced by another place: if root's home folder is closed to the server's user (/root) or belongs to
/// someone else (sudo), it is `/var/lib/relay-admin/sandbox`, and `why_here` gives the reason. Creates nothing.
///
/// Throws Error: usage if XDG_STATE_HOME or HOME gives a place that cannot be used (also for a relative path: the XDG
/// Base Directory Specification 0.8 would ignore it, and the data would be where the user does not expect them);
/// unavailable if there is no home folder, or no account for the server.
Layout find_layout();

/// Creates the folder that contains the base and the lock, but not the base. Throws Error: usage if it cannot be
/// created where XDG_STATE_HOME says; unavailable.
void make_folder(Layout const &layout);

/// Creates the base with its marker, in one step for other processes. The lock must be held. Throws Error: conflict if
/// something else is there; unavailable.
void make_base(Layout const &layout);

/// Removes the base and all in it, in one step for other processes. The server must not be running. The lock must be
/// held.
void remove_base(Layout const &layout);

/// Removes what a killed make_base or remove_base left. Returns whether there was anything. The lock must be held.
bool remove_leftovers(Layout const &layout);

/// Throws Error (conflict) if the base contains anything that the sandbox did not put there.
void check_nothing_foreign(Layout const &layout);

/// Returns whether the base exists and is ours; false if there is none, or an empty folder. Throws Error (conflict) if
/// it is something else.
bool base_exists(Layout const &layout);

}  // namespace relay::cli::sandbox
