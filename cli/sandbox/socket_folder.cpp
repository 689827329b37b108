#include "cli/sandbox/socket_folder.hpp"

#include "cli/sandbox/chosen_folder.hpp"
#include "cli/sandbox/cluster.hpp"
#include "cli/sandbox/files.hpp"

#include <sys/stat.h>
#include <unistd.h>
#include <cstdlib>
#include <utility>

namespace relay::cli::sandbox {

namespace {

constexpr std::string_view socket_name = "/.s.PGSQL.5432";
constexpr std::size_t longest_path = 107;  // sun_path, less its final zero

bool is_usable(std::string const &folder) {
    return folder.size() + socket_name.size() <= longest_path && folder.find(',') == std::string::npos;
}

bool belongs_to(std::string const &folder, ServerUser const &user) {
    struct stat found {};
    return lstat(folder.c_str(), &found) == 0 && S_ISDIR(found.st_mode) && found.st_uid == user.uid &&
           (found.st_mode & 07777) == 0700;
}

constexpr auto name_of_short_folder = "/relay-admin.XXXXXX";  // the form that mkdtemp(3) requires
constexpr auto the_socket = "the sandbox's socket";
constexpr auto next_short_home = "set it to a short path, or set XDG_STATE_HOME to one, then try again";

Error refused_home(char const *name, std::string why) {
    return refused_folder(name, the_socket, std::move(why), next_short_home);
}

void check_length(char const *name, std::string const &folder) {
    if (!is_usable(folder + name_of_short_folder)) {
        throw refused_home(name, "a socket path in it would be too long or would contain a comma");
    }
}

/// Returns where to create a folder with a short path: the runtime folder of our session (root's is closed to the
/// server's user), TMPDIR, or /tmp. The first one that is set is used or refused.
std::string short_home(ServerUser const &user) {
    auto const runtime = user.drop ? std::nullopt : absolute_folder("XDG_RUNTIME_DIR", the_socket);
    if (runtime) {
        if (!belongs_to(*runtime, user)) {
            throw refused_home("XDG_RUNTIME_DIR", "it is not a folder of the user " + user.name + " with mode 0700");
        }
        check_length("XDG_RUNTIME_DIR", *runtime);
        return *runtime;
    }
    auto const temporary = absolute_folder("TMPDIR", the_socket);
    if (temporary) {
        if (auto const obstacle = find_obstacle(user, *temporary)) {
            throw refused_home("TMPDIR", obstacle->text(user));
        }
        check_length("TMPDIR", *temporary);
    }
    return temporary.value_or("/tmp");
}

std::string make_short_folder(Layout const &layout) {
    std::string path = short_home(layout.user) + name_of_short_folder;
    if (mkdtemp(path.data()) == nullptr) {
        throw file_error("cannot create a folder for the socket, " + path);
    }
    write_file(layout.socket_record(), path + "\n");
    return path;
}

void own(Layout const &layout, std::string const &folder) {
    if (layout.user.drop && lchown(folder.c_str(), layout.user.uid, layout.user.gid) != 0) {
        throw file_error("cannot give " + folder + " to the user " + layout.user.name);
    }
    if (!belongs_to(folder, layout.user)) {
        throw Error(ErrorKind::conflict, folder + " is not a private folder of the user " + layout.user.name,
                    {.next = "remove it, then run the same command again"});
    }
}

std::string in_quotes(std::string const &value) {
    std::string text = "'";
    for (char const c : value) {
        if (c == '\'' || c == '\\') {
            text += '\\';
        }
        text += c;
    }
    return text + "'";
}

}  // namespace

std::string socket_folder(Layout const &layout) {
    auto record = read_file(layout.socket_record());
    if (!record || record->empty()) {
        return layout.socket_home();
    }
    record->resize(record->size() - 1);
    return *record;
}

std::string make_socket_folder(Layout const &layout) {
    remove_socket_folder(layout);
    std::string const folder = is_usable(layout.socket_home()) ? layout.socket_home() : make_short_folder(layout);
    make_directory(folder, 0700);
    own(layout, folder);
    return folder;
}

void remove_socket_folder(Layout const &layout) {
    std::string const folder = socket_folder(layout);
    bool const elsewhere = folder != layout.socket_home();
    // Elsewhere, as in /tmp, the name may belong to someone else by now: remove it only if it still belongs to the
    // server's user.
    if (!elsewhere || belongs_to(folder, layout.user)) {
        remove_tree(folder);
    }
    if (elsewhere) {
        unlink(layout.socket_record().c_str());
    }
}

std::string conninfo(Layout const &layout) {
    std::string const folder = socket_folder(layout);
    bool const plain = folder.find_first_of(" \t\n\r\f\v'\\") == std::string::npos;
    return "host=" + (plain ? folder : in_quotes(folder)) + " port=5432 dbname=" + database_name +
           " user=" + database_name;
}

}  // namespace relay::cli::sandbox
