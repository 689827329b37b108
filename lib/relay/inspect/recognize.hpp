#pragma once

#include "relay/db/database.hpp"
#include "relay/model/subject.hpp"
#include "relay/model/text_of.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relay {

/// What a text can be the id of. A token is an organization's admin token, a ticket is that of a block, a
/// revocation or a policy. The id of a queue is its name at the broker.
enum class NamedThing { agent, org, key, token, device, role, plan, queue, ticket };

template <>
struct EnumText<NamedThing> {
    static constexpr auto words = std::to_array<EnumWord<NamedThing>>({{NamedThing::agent, "agent"},
                                                                       {NamedThing::org, "org"},
                                                                       {NamedThing::key, "key"},
                                                                       {NamedThing::token, "token"},
                                                                       {NamedThing::device, "device"},
                                                                       {NamedThing::role, "role"},
                                                                       {NamedThing::plan, "plan"},
                                                                       {NamedThing::queue, "queue"},
                                                                       {NamedThing::ticket, "ticket"}});
};

/// Something that a text names.
struct Recognized {
    NamedThing thing{};
    std::string id{};
    std::optional<std::string> agent{};  ///< of a key, a device or the queue of one agent
    std::optional<std::string> org{};  ///< of an agent, a key, a token, a device, a role or a queue
    bool by_name = false;  ///< the text is its name, not its id
    std::optional<Subject> subject{};  ///< the id of an agent, an organization, a key, a token or a device
};

/// Returns a text without the prefix that keys and tokens have in logs, and without what follows the id.
std::string without_prefix(std::string_view text);

/// Returns what a text names in this database, ids before names; at most 4 of
/// each kind by name. A key may be given with its prefix
/// (relay_sk_), as it begins in logs. For a text that was not found where another kind of id was expected.
std::vector<Recognized> recognize(db::Settings const &settings, std::string_view text);

/// The same of several texts, in their order, in one transaction.
std::vector<std::vector<Recognized>> recognize_each(db::Settings const &settings,
                                                    std::vector<std::string> const &texts);

}  // namespace relay
