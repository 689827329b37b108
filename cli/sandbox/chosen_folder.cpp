#include "cli/sandbox/chosen_folder.hpp"

#include <cstdlib>
#include <filesystem>
#include <utility>

namespace relay::cli::sandbox {

namespace {

std::string value_of(char const *name) {
    char const *const value = std::getenv(name);
    return value == nullptr ? "" : value;
}

}  // namespace

std::optional<std::string> absolute_folder(char const *name, std::string const &what) {
    std::string const value = value_of(name);
    if (value.empty()) {
        return std::nullopt;
    }
    if (value.front() != '/') {
        throw refused_folder(name, what, "the path is relative, so it means a different place in each folder",
                             std::string("set ") + name + " to an absolute path, or unset it");
    }
    std::string folder = std::filesystem::path(value).lexically_normal().string();
    while (!folder.empty() && folder.back() == '/') {
        folder.pop_back();
    }
    return folder;
}

Error refused_folder(char const *name, std::string const &what, std::string why, std::string next) {
    return Error(ErrorKind::usage, what + " cannot be where " + name + " says: " + value_of(name),
                 {.why = std::move(why), .next = std::move(next)});
}

}  // namespace relay::cli::sandbox
