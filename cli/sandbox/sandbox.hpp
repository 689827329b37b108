#pragma once

#include "cli/output/output.hpp"
#include "relay/model/text_of.hpp"

#include <cstdint>
#include <optional>
#include <string>

/// A private PostgreSQL for trying things out: it listens on a unix socket in a private folder, and on no network port.
namespace relay::cli::sandbox {

enum class State { absent, stopped, starting, running };

}  // namespace relay::cli::sandbox

template <>
struct relay::EnumText<relay::cli::sandbox::State> {
    using State = cli::sandbox::State;
    static constexpr auto words = std::to_array<EnumWord<State>>({{State::absent, "absent"},
                                                                  {State::stopped, "stopped"},
                                                                  {State::starting, "starting"},
                                                                  {State::running, "running"}});
};

namespace relay::cli::sandbox {

/// The state of the sandbox.
struct Status {
    State state = State::absent;
    std::optional<std::int64_t> pid{};
    std::optional<std::string> version{};  ///< PostgreSQL's major version, from the data
    std::string folder;  ///< the folder of the whole sandbox
    std::optional<std::string> data_dir{};
    std::optional<std::string> socket_dir{};
    std::optional<std::string> dsn{};  ///< conninfo; only while the server runs
    std::optional<std::string> log{};
    std::optional<std::int64_t> size_bytes{};  ///< on disk
    std::string server_user;
    std::optional<std::string> why_here{};  ///< why it is not in the usual place
};

/// Starts the server if it is not running, after creating the cluster if there is none. Returns a conninfo for it. If
/// the server runs already, this costs only a few file look-ups. Throws Error: unavailable if no PostgreSQL is
/// installed, or the server does not start within 30 s; conflict if the folder is not our sandbox.
std::string ensure_running(Output &output);

/// Returns a conninfo for the server if it is running; starts and creates nothing. Throws Error as find_layout does.
std::optional<std::string> find_running();

/// Does the same as ensure_running, for the command `start`. Returns false if the server was already running.
bool start(Output &output);

/// Returns the state of the sandbox, and changes nothing. Throws Error (conflict) if the folder is not our sandbox.
Status status();

/// Stops the server; the data are kept. Returns false if it was not running. Throws Error (unavailable) if it does not
/// end within 30 s.
bool stop();

/// Stops the server and removes all that the sandbox made, including its folder. Returns false if there was nothing.
/// Throws Error: conflict, with nothing done, if the folder contains files that are not ours; unavailable.
bool destroy();

/// Returns a document of kind "Sandbox", for the commands start, status, stop and destroy.
Document document(Status const &status, bool changed, bool dry_run);

}  // namespace relay::cli::sandbox
