#include "cli/sink/secret_place.hpp"

#include "relay/model/error.hpp"

#include <climits>

namespace relay::cli {
namespace {

std::string folder_path_of(std::string const &path) {
    auto const slash = path.rfind('/');
    if (slash == std::string::npos) {
        return ".";
    }
    return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

std::string secret_file_name(std::string const &path) {
    auto name = path.substr(path.rfind('/') + 1);
    if (path == "-") {
        throw Error(ErrorKind::usage, "--secret-file needs a file name",
                    {.next = "use --secret-stdout for standard output, or write ./- for a file of that name"});
    }
    if (name.empty() || name == "." || name == "..") {
        throw Error(ErrorKind::usage, "'" + path + "' is a folder, not a file for a secret",
                    {.next = "add a file name to it, or use --secrets-dir"});
    }
    if (name.ends_with(unfinished_suffix)) {
        throw Error(ErrorKind::usage, "a secret file cannot be called " + name,
                    {.why = "names that end in .new are reserved for unfinished files", .next = "choose another name"});
    }
    if (name.size() + unfinished_suffix.size() > NAME_MAX) {
        throw Error(ErrorKind::usage, "the file name in '" + path + "' is too long", {.next = "choose a shorter name"});
    }
    return name;
}

std::shared_ptr<Folder const> open_secret_folder(std::string const &path) {
    auto folder = open_folder(folder_path_of(path));
    require_trusted(*folder);
    require_writable(*folder);
    return folder;
}

}  // namespace relay::cli
