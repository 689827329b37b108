#pragma once

#include "cli/output/output.hpp"
#include "relay/model/text_of.hpp"

#include <cstdint>
#include <optional>
#include <string>

/// A private PostgreSQL for trying out: on a unix socket in a folder of ours, without any network port.
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

/// What there is.
struct Status {
    State state = State::absent;
    std::optional<std::int64_t> pid{};
    std::optional<std::string> version{};  ///< of PostgreSQL: the major version of the data
    std::string folder;  ///< all of it
    std::optional<std::string> data_dir{};
    std::optional<std::string> socket_dir{};
    std::optional<std::string> dsn{};  ///< conninfo; only while it runs
    std::optional<std::string> log{};
    std::optional<std::int64_t> size_bytes{};  ///< on disk
    std::string server_user;
    std::optional<std::string> why_here{};  ///< why it does not stand in the usual place
};

/// Starts the server if it does not run, and makes the cluster first if there is none. Returns a conninfo for it.
/// Costs a few file look-ups when it runs already. Throws Error: unavailable, no PostgreSQL installed, or it does not
/// start within 30 s; conflict, the folder is not a sandbox of ours.
std::string ensure_running(Output &output);

/// A conninfo for the server if it runs; nothing is started or made. Throws Error as find_layout.
std::optional<std::string> find_running();

/// The same as ensure_running, for the command `start`. False: it ran already.
bool start(Output &output);

/// Looks, and changes nothing. Throws Error: conflict, the folder is not a sandbox of ours.
Status status();

/// Ends the server; the data stay. False: it did not run. Throws Error: unavailable, it did not end within 30 s.
bool stop();

/// Ends the server and removes all that the sandbox made, its folder as well. False: there was nothing. Throws Error:
/// conflict, the folder holds what is not ours, and nothing was done; unavailable.
bool destroy();

/// As `kind` "Sandbox", for the commands start, status, stop and destroy.
Document document(Status const &status, bool changed, bool dry_run);

}  // namespace relay::cli::sandbox
