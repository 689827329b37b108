#pragma once

#include <sys/stat.h>
#include <optional>
#include <string>

/// The one rule about places that other users may change. A file with a secret, and a file that decides where secrets go,
/// must be in a folder in which no one but this user and root can replace it.
namespace relay::cli {

/// Why a file or folder is refused, as the parts of an error.
struct Distrust {
    std::string fault;  ///< "other users may write to the folder keys"
    std::string why;
    std::string next;
};

/// What another user must not be able to do in a folder.
enum class Harm {
    replace,  ///< replace or remove our file
    add,  ///< also, add a file: to a folder whose every file is taken for ours
};

/// The folder must belong to this user or root. No one else may write to it, unless it has the sticky bit, as /tmp does:
/// there, anyone can add a file, but only the owner of a file or of the folder can replace it. The same holds for all of
/// its parents, as for ssh: a user who may write to one of them could put another folder in place of this one.
std::optional<Distrust> distrust_folder(struct stat const &folder, std::string const &path, Harm harm = Harm::replace);

/// A file that is read: it, too, must belong to this user or root, and no one else may write to it. Checks nothing if it
/// is not a regular file: the caller who passes a pipe or a terminal has opened it.
std::optional<Distrust> distrust_file(int file, std::string const &path);

}  // namespace relay::cli
