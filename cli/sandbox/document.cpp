#include "cli/sandbox/sandbox.hpp"

namespace relay::cli::sandbox {

Document document(Status const &status, bool changed, bool dry_run) {
    Document shown;
    shown.kind = "Sandbox";
    shown.id_key = "dsn";
    shown.changed = changed;
    shown.dry_run = dry_run;
    shown.data = {
        {"state", "State", status.state},
        {"dsn", "DSN", status.dsn},
        {"pid", "Process", status.pid},
        {"version", "PostgreSQL", status.version},
        {"server_user", "Runs as", status.server_user},
        {"folder", "Folder", status.folder},
        {"data_dir", "Data", status.data_dir},
        {"socket_dir", "Socket folder", status.socket_dir},
        {"log", "Log", status.log},
        {"size_bytes", "Bytes on disk", status.size_bytes},
        {"why_here", "Why there", status.why_here},
    };
    return shown;
}

}  // namespace relay::cli::sandbox
