#include "cli/sandbox/sandbox.hpp"

#include "cli/sandbox/cluster.hpp"
#include "cli/sandbox/lock.hpp"
#include "cli/sandbox/server.hpp"
#include "cli/sandbox/socket_folder.hpp"

#include <sys/stat.h>
#include <unistd.h>
#include <filesystem>

namespace relay::cli::sandbox {

namespace {

constexpr std::chrono::seconds patience{30};
constexpr std::chrono::seconds lock_patience{90};  // another program may be creating the cluster on a slow disk

bool is_reachable(Layout const &layout) {
    auto const server = find_postmaster(layout);
    // A runtime folder is removed with its session. The server may still run, but clients can no longer find its
    // socket.
    return server && server->ready && access((socket_folder(layout) + "/.s.PGSQL.5432").c_str(), F_OK) == 0;
}

std::int64_t size_on_disk(std::string const &folder) {
    constexpr std::int64_t block = 512;  // stat(2)
    std::int64_t size = 0;
    std::error_code error;
    auto const options = std::filesystem::directory_options::skip_permission_denied;
    for (std::filesystem::recursive_directory_iterator entry(folder, options, error), end; !error && entry != end;
         entry.increment(error)) {
        struct stat found {};
        if (lstat(entry->path().c_str(), &found) == 0) {
            size += found.st_blocks * block;
        }
    }
    return size;
}

void make_if_missing(Layout const &layout, Lock const &lock, Output &output) {
    if (cluster_major(layout)) {
        return;
    }
    auto const binaries = find_binaries(layout.user, std::nullopt);
    output.note("creating the sandbox: PostgreSQL " + binaries.version + " in " + layout.base);
    if (!layout.why_here.empty()) {
        output.note("it is there because " + layout.why_here);
    }
    make_cluster(layout, binaries, lock.descriptor());
}

/// Starts the server; the lock must be held. Returns false if it was already running.
bool start_locked(Layout const &layout, Lock const &lock, Output &output) {
    remove_leftovers(layout);
    make_base(layout);
    make_if_missing(layout, lock, output);
    if (auto const server = find_postmaster(layout)) {
        wait_until_ready(layout, server->pid, std::chrono::steady_clock::now() + patience);
        if (is_reachable(layout)) {
            return false;
        }
        stop_server(layout, *server, patience);
    }
    auto const binaries = find_binaries(layout.user, cluster_major(layout));
    start_server(layout, binaries, patience);
    if (std::string const sockets = socket_folder(layout); sockets != layout.socket_home()) {
        output.note("its socket is in " + sockets + ", because a socket path in " + layout.base +
                    " would be too long or would contain a comma");
    }
    output.detail("started the sandbox's server; its log is " + layout.log());
    return true;
}

bool start(Layout const &layout, Output &output) {
    if (base_exists(layout)) {
        if (is_reachable(layout)) {
            return false;
        }
    } else {
        find_binaries(layout.user, std::nullopt);  // fails before anything is created
    }
    Lock const lock(layout, lock_patience);
    return start_locked(layout, lock, output);
}

bool stop_locked(Layout const &layout) {
    auto const server = find_postmaster(layout);
    if (server) {
        stop_server(layout, *server, patience);
    }
    remove_socket_folder(layout);
    return server.has_value();
}

}  // namespace

std::string ensure_running(Output &output) {
    Layout const layout = find_layout();
    start(layout, output);
    return conninfo(layout);
}

std::optional<std::string> find_running() {
    Layout const layout = find_layout();
    if (!base_exists(layout)) {
        return std::nullopt;
    }
    auto const server = find_postmaster(layout);
    return server && server->ready ? std::optional(conninfo(layout)) : std::nullopt;
}

bool start(Output &output) { return start(find_layout(), output); }

Status status() {
    Layout const layout = find_layout();
    Status found;
    found.state = State::absent;
    found.folder = layout.base;
    found.server_user = layout.user.name;
    if (!layout.why_here.empty()) {
        found.why_here = layout.why_here;
    }
    if (!base_exists(layout)) {
        return found;
    }
    found.size_bytes = size_on_disk(layout.base);
    auto const major = cluster_major(layout);
    if (!major) {
        return found;
    }
    found.state = State::stopped;
    found.version = std::to_string(*major);
    found.data_dir = layout.data();
    found.log = layout.log();
    if (auto const server = find_postmaster(layout)) {
        found.state = server->ready ? State::running : State::starting;
        found.pid = server->pid;
        found.socket_dir = socket_folder(layout);
        found.dsn = conninfo(layout);
    }
    return found;
}

bool stop() {
    Layout const layout = find_layout();
    if (!base_exists(layout)) {
        return false;
    }
    Lock const lock(layout, lock_patience);
    return base_exists(layout) && stop_locked(layout);
}

bool destroy() {
    Layout const layout = find_layout();
    std::error_code none;
    if (!base_exists(layout) && !std::filesystem::exists(layout.folder(), none)) {
        return false;
    }
    Lock const lock(layout, lock_patience);
    bool changed = remove_leftovers(layout);
    if (base_exists(layout)) {
        check_nothing_foreign(layout);
        stop_locked(layout);
        free_shared_memory(layout);
        remove_base(layout);
        changed = true;
    }
    unlink(layout.lock().c_str());
    rmdir(layout.folder().c_str());  // stays if anything else is in it
    return changed;
}

}  // namespace relay::cli::sandbox
