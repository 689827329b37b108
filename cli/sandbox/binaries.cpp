#include "cli/sandbox/binaries.hpp"

#include "cli/output/command_text.hpp"
#include "cli/sandbox/process.hpp"
#include "relay/model/error.hpp"

#include <unistd.h>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <vector>

namespace relay::cli::sandbox {

namespace {

constexpr int oldest = 13;

/// Adds the bin folders of packaged versions, such as /usr/lib/postgresql/VERSION/bin.
void add_packaged(std::vector<std::string> &folders) {
    for (auto const &[root, prefix] : {std::pair{"/usr/lib/postgresql", ""}, std::pair{"/usr", "pgsql-"}}) {
        std::error_code ignored;
        for (auto const &entry : std::filesystem::directory_iterator(root, ignored)) {
            if (entry.path().filename().string().starts_with(prefix)) {
                folders.push_back((entry.path() / "bin").string());
            }
        }
    }
}

std::vector<std::string> path_folders() {
    std::vector<std::string> folders;
    char const *const path = std::getenv("PATH");
    std::string const text = path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path;
    for (std::size_t from = 0; from <= text.size();) {
        auto const to = std::min(text.find(':', from), text.size());
        if (text[from] == '/') {  // a relative entry would depend on the current folder
            folders.push_back(text.substr(from, to - from));
        }
        from = to + 1;
    }
    return folders;
}

void add_from_path(ServerUser const &user, std::vector<std::string> &folders) {
    for (auto const &folder : path_folders()) {
        if (access((folder + "/pg_config").c_str(), X_OK) == 0) {
            auto const result = run_tool(user, {.argv = {folder + "/pg_config", "--bindir"}});
            if (result.exit == 0 && result.output.starts_with('/')) {
                folders.push_back(result.output.substr(0, result.output.find('\n')));
            }
        }
        folders.push_back(folder);
    }
}

/// Checks a folder for usable binaries, and reads the version from "postgres (PostgreSQL) 15.20 (Debian ...)".
std::optional<Binaries> examine(ServerUser const &user, std::string const &folder) {
    Binaries found;
    found.folder = folder;
    if (access(found.initdb().c_str(), X_OK) != 0 || access(found.postgres().c_str(), X_OK) != 0 ||
        !can_traverse(user, folder)) {
        return std::nullopt;
    }
    auto const result = run_tool(user, {.argv = {found.postgres(), "--version"}});
    constexpr std::string_view mark = "(PostgreSQL) ";
    auto const from = result.output.find(mark);
    if (result.exit != 0 || from == std::string::npos) {
        return std::nullopt;
    }
    found.version = result.output.substr(from + mark.size());
    found.version.resize(std::min(found.version.find_first_of(" \n"), found.version.size()));
    found.major = std::atoi(found.version.c_str());
    return found.major >= oldest ? std::optional(found) : std::nullopt;
}

/// Returns the best of `folders`: the newest version, or exactly `major`.
std::optional<Binaries> best(ServerUser const &user, std::vector<std::string> const &folders,
                             std::optional<int> major) {
    std::optional<Binaries> chosen;
    for (auto const &folder : folders) {
        auto found = examine(user, folder);
        if (found && (!major || found->major == *major) && (!chosen || found->major > chosen->major)) {
            chosen = std::move(found);
        }
    }
    return chosen;
}

}  // namespace

Binaries find_binaries(ServerUser const &user, std::optional<int> major) {
    std::vector<std::string> folders;
    add_packaged(folders);
    auto chosen = best(user, folders, major);
    if (!chosen) {
        folders.clear();
        add_from_path(user, folders);
        chosen = best(user, folders, major);
    }
    if (chosen) {
        return *std::move(chosen);
    }
    if (major) {
        std::string const version = std::to_string(*major);
        throw Error(ErrorKind::unavailable,
                    "the data of the sandbox needs PostgreSQL " + version + ", which is not installed",
                    {.why = "a server reads only data of the same major version",
                     .next = use_tool("apt-get", "install", "postgresql-" + version)
                                 .also(own_command({"sandbox", "destroy"}))
                                 .noting("to make a new one")});
    }
    throw Error(ErrorKind::unavailable, "no PostgreSQL server is installed here",
                {.why = "found no initdb of version " + std::to_string(oldest) +
                        " or newer in /usr/lib/postgresql/*/bin, through pg_config, or on PATH",
                 .next = use_tool("apt-get", "install", "postgresql-15").also("or use another server with --dsn")});
}

}  // namespace relay::cli::sandbox
