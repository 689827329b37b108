#pragma once

#include "cli/command_line/globals.hpp"
#include "relay/model/attribution.hpp"

namespace relay::cli {

/// The claimed actor, and where the claim comes from: "--actor", "GITHUB_ACTOR", "GITLAB_USER_LOGIN", "SUDO_USER",
/// "login name".
struct ClaimedActor {
    std::string name{};
    std::string origin{};
};
ClaimedActor claimed_actor(Globals const &globals, Environment const &environment);

/// Returns who makes a change and why, from flags and environment.
///
/// Actor: --actor; else the CI run, `github:OWNER/REPO@ACTOR#RUN_ID` or `gitlab:GROUP/PROJECT@LOGIN#JOB_ID`, without
/// the parts that are not set; else SUDO_USER; else the login name. Text from the environment is escaped and shortened,
/// never an error. Trace: the trace id of a well-formed TRACEPARENT (W3C), else a new one.
/// Throws Error (usage) if --actor, --reason or --ticket is not acceptable.
Attribution make_attribution(Globals const &globals, Environment const &environment);

}  // namespace relay::cli
