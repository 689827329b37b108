#include "cli/sink/secret_file.hpp"

#include "cli/posix/replaceable.hpp"
#include "cli/sink/sink_error.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>

namespace relay::cli {

std::string Folder::path_of(std::string const &name) const {
    if (path == ".") {
        return name;
    }
    return path.ends_with('/') ? path + name : path + "/" + name;
}

std::shared_ptr<Folder const> open_folder(std::string const &path) {
    FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.is_open()) {
        throw sink_error("cannot open the folder " + path, errno, "create it, or choose another place");
    }
    return std::make_shared<Folder const>(std::move(fd), path);
}

void require_writable(Folder const &folder) {
    if (::faccessat(folder.fd.get(), ".", W_OK | X_OK, AT_EACCESS) != 0) {
        throw sink_error("cannot create a file in the folder " + folder.path, errno,
                         "choose a folder that you may write to");
    }
    if (auto const obstacle = why_not_renamable(folder.fd.get())) {
        throw sink_refusal("the folder " + folder.path + " " + obstacle->fault, obstacle->why, obstacle->next);
    }
}

void require_trusted(Folder const &folder, Harm harm) {
    struct stat status {};
    if (::fstat(folder.fd.get(), &status) != 0) {
        throw sink_error("cannot check the folder " + folder.path, errno);
    }
    if (auto const distrust = distrust_folder(status, folder.path, harm)) {
        throw sink_refusal(distrust->fault, distrust->why, distrust->next);
    }
}

std::string unfinished_name(std::string_view name) { return std::string(name).append(unfinished_suffix); }

std::string batch_name(std::string_view name) { return std::string(name).append(batch_suffix); }

}  // namespace relay::cli
