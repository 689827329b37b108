#pragma once

#include "cli/command_line/attribution.hpp"
#include "cli/output/document.hpp"
#include "relay/health/whoami.hpp"

namespace relay::cli {

/// Returns the document of kind WhoAmI. `settings` are those that the connection was made with.
Document whoami_document(WhoAmI const &who, std::vector<db::ConnectionSetting> const &settings,
                         ClaimedActor const &actor);

/// Returns the document of kind SettingList: every setting, its value, and where it comes from. `settings` is empty if
/// there is no connection to describe.
Document config_document(Globals const &globals, std::vector<db::ConnectionSetting> const &settings,
                         ClaimedActor const &actor);

}  // namespace relay::cli
