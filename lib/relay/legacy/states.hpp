#pragma once

#include "relay/model/text_of.hpp"

/// The states of the window of the shared secret and of its agents, each with its texts in the database and in JSON.
namespace relay {

/// The window's state, as a gateway sees it.
enum class LegacyWindowState {
    open,
    expired,  ///< past its deadline
    aborted,  ///< no more agents are moved; listed agents may use the shared secret until the deadline
    finished,
    denied,  ///< the emergency stop
};

template <>
struct EnumText<LegacyWindowState> {
    static constexpr auto words = std::to_array<EnumWord<LegacyWindowState>>({{LegacyWindowState::open, "open"},
                                                                              {LegacyWindowState::expired, "expired"},
                                                                              {LegacyWindowState::aborted, "aborted"},
                                                                              {LegacyWindowState::finished, "finished"},
                                                                              {LegacyWindowState::denied, "denied"}});
};

/// The state of an agent of the inventory: exactly one of these.
enum class LegacyAgentState {
    imported,  ///< not listed yet
    listed,  ///< may use the shared secret, and has no key
    issued,  ///< has its own key, but has not used it
    proven,  ///< has used its own key, and so has left the list permanently
    revoked,
};

template <>
struct EnumText<LegacyAgentState> {
    static constexpr auto words = std::to_array<EnumWord<LegacyAgentState>>({{LegacyAgentState::imported, "imported"},
                                                                             {LegacyAgentState::listed, "listed"},
                                                                             {LegacyAgentState::issued, "issued"},
                                                                             {LegacyAgentState::proven, "proven"},
                                                                             {LegacyAgentState::revoked, "revoked"}});
};

/// How a listed or issued agent uses the shared secret.
enum class LegacyActivity {
    on_shared_secret,  ///< used it in the quiet time
    silent,  ///< used it, but not in the quiet time
    never_seen,
};

template <>
struct EnumText<LegacyActivity> {
    static constexpr auto words =
        std::to_array<EnumWord<LegacyActivity>>({{LegacyActivity::on_shared_secret, "on_shared_secret"},
                                                 {LegacyActivity::silent, "silent"},
                                                 {LegacyActivity::never_seen, "never_seen"}});
};

}  // namespace relay
