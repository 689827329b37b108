#pragma once

#include "cli/command_line/globals.hpp"
#include "relay/model/attribution.hpp"

namespace relay::cli {

/// Who is said to ask, and by what: "--actor", "GITHUB_ACTOR", "GITLAB_USER_LOGIN", "SUDO_USER", "login name".
struct ClaimedActor {
    std::string name{};
    std::string origin{};
};
ClaimedActor claimed_actor(Globals const &globals, Environment const &environment);

/// Who asks for a change, from flags and environment.
///
/// Actor: --actor; else the CI run, `github:OWNER/REPO@ACTOR#RUN_ID` or `gitlab:GROUP/PROJECT@LOGIN#JOB_ID`, parts that are not set being
/// left out; else SUDO_USER; else the login name. What comes from the environment is escaped and cut, never an error.
/// Trace: the trace id of a well-formed TRACEPARENT (W3C), else a new one.
/// Throws Error (usage): --actor, --reason or --ticket is not acceptable.
Attribution make_attribution(Globals const &globals, Environment const &environment);

}  // namespace relay::cli
