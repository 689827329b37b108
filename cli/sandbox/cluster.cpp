#include "cli/sandbox/cluster.hpp"

#include "cli/output/command_text.hpp"
#include "cli/sandbox/files.hpp"
#include "cli/sandbox/process.hpp"

#include <fcntl.h>
#include <locale.h>
#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace relay::cli::sandbox {

namespace {

/// These settings are in the file, not on the command line, so that they also apply if someone starts this cluster by
/// hand. The last setting of a name wins.
constexpr std::string_view settings = R"(
# The sandbox of relay-admin: accepts connections only on its unix socket.
listen_addresses = ''
port = 5432
unix_socket_permissions = 0700
cluster_name = 'relay-admin sandbox'
max_connections = 50
shared_buffers = 32MB
dynamic_shared_memory_type = mmap
min_wal_size = 32MB
max_wal_size = 256MB
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] '
)";

bool host_has_c_utf8() {
    locale_t const found = newlocale(LC_ALL_MASK, "C.UTF-8", nullptr);
    if (found == nullptr) {
        return false;
    }
    freelocale(found);
    return true;
}

std::vector<std::string> initdb_command(Layout const &layout, Binaries const &binaries) {
    std::vector<std::string> command{binaries.initdb(),    "--pgdata=" + layout.data_tmp(),
                                     "--encoding=UTF8",    std::string("--username=") + database_name,
                                     "--data-checksums",
                                     "--auth-local=trust",  // the 0700 socket folder is the access control
                                     "--auth-host=reject",
                                     "--no-sync",  // synced once, at the end
                                     "--no-instructions"};
    if (binaries.major == 13) {
        command.pop_back();  // new in 14
    }
    if (binaries.major >= 17) {
        command.insert(command.end(), {"--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"});
    } else {
        command.emplace_back(host_has_c_utf8() ? "--locale=C.UTF-8" : "--locale=C");
    }
    return command;
}

void run_step(Layout const &layout, Tool const &tool, std::string const &what) {
    ToolResult const result = run_tool(layout.user, tool);
    if (result.timed_out) {
        throw Error(ErrorKind::unavailable,
                    what + " took longer than " + std::to_string(tool.limit.count()) + " seconds");
    }
    if (result.exit != 0) {
        std::string why = last_lines(result.output, 5);
        throw Error(ErrorKind::unavailable, what + " failed with exit code " + std::to_string(result.exit),
                    {.why = why.empty() ? tool.argv.front() + " printed nothing" : std::move(why)});
    }
}

int append_settings(std::string const &path) {
    Descriptor const file(open(path.c_str(), O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC));
    auto const written = write(file.get(), settings.data(), settings.size());
    return written == static_cast<ssize_t>(settings.size()) ? 0 : 1;
}

void make_data_folder(Layout const &layout) {
    make_directory(layout.data_tmp(), 0700);
    if (layout.user.drop && lchown(layout.data_tmp().c_str(), layout.user.uid, layout.user.gid) != 0) {
        throw file_error("cannot give " + layout.data_tmp() + " to the user " + layout.user.name);
    }
}

}  // namespace

std::optional<int> cluster_major(Layout const &layout) {
    auto const text = read_file(layout.data() + "/PG_VERSION");
    int const major = text ? std::atoi(text->c_str()) : 0;
    return major > 0 ? std::optional(major) : std::nullopt;
}

void make_cluster(Layout const &layout, Binaries const &binaries, int lock) {
    std::error_code missing;
    if (!std::filesystem::is_empty(layout.data(), missing) && !missing) {
        throw Error(ErrorKind::conflict, layout.data() + " contains no PostgreSQL cluster but is not empty",
                    {.why = "its file PG_VERSION is missing",
                     .next = own_command({"sandbox", "destroy"}).noting("to make a new one")});
    }
    remove_tree(layout.data_tmp());
    make_data_folder(layout);
    run_step(layout, {.argv = initdb_command(layout, binaries), .keep = lock}, "initdb");
    if (run_as(layout.user, [&] { return append_settings(layout.data_tmp() + "/postgresql.conf"); }) != 0) {
        throw Error(ErrorKind::unavailable, "cannot write the settings of the sandbox in " + layout.data_tmp());
    }
    // Single-user mode: the database exists before anyone can connect, and no client program is needed.
    run_step(
        layout,
        {.argv = {binaries.postgres(), "--single", "-F", "-D", layout.data_tmp(), "-c", "exit_on_error=on", "postgres"},
         .input = std::string("CREATE DATABASE ") + database_name + "\n",
         .keep = lock},
        "creating the database");
    run_step(layout, {.argv = {binaries.initdb(), "--sync-only", "--pgdata=" + layout.data_tmp()}, .keep = lock},
             "initdb --sync-only");
    if (rename(layout.data_tmp().c_str(), layout.data().c_str()) != 0) {
        throw file_error("cannot rename " + layout.data_tmp());
    }
    flush_directory(layout.base);
}

}  // namespace relay::cli::sandbox
