#pragma once

#include "relay/model/text_of.hpp"

/// Where the window of the shared secret stands, and the agents in it: each with its texts in the database and in JSON.
namespace relay {

/// What a gateway meets.
enum class LegacyWindowState {
    open,
    expired,  ///< past its deadline
    aborted,  ///< nobody is moved, who is listed goes on until the deadline
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

/// An agent of the inventory is in exactly one of these.
enum class LegacyAgentState {
    imported,  ///< on no list yet
    listed,  ///< may use the shared secret, and has no key of its own
    issued,  ///< has a key of its own, and has not used it
    proven,  ///< has used its own key: off the list for good
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

/// Of an agent that is listed or issued.
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
