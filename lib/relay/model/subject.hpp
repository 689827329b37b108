#pragma once

#include "relay/model/ids.hpp"
#include "relay/model/text_of.hpp"

#include <optional>
#include <string>
#include <variant>
#include <vector>

/// Subject: what a block or a revocation is about, which is an agent, a whole organization, a single key, or a device.
///
/// It is a variant of the four kinds of id, so the kind can never disagree with the id. In the database it is two
/// columns (subject_kind, subject_id), on the screen "agent billing-1"; the kind is converted only there. Statements
/// take subjects of one kind: see common_kind.
namespace relay {

using Subject = std::variant<AgentId, OrgId, KeyId, DeviceId>;

/// In the order of the alternatives of Subject.
enum class SubjectKind { agent, org, key, device };

template <>
struct EnumText<SubjectKind> {
    static constexpr auto words = std::to_array<EnumWord<SubjectKind>>({{SubjectKind::agent, "agent"},
                                                                        {SubjectKind::org, "org"},
                                                                        {SubjectKind::key, "key"},
                                                                        {SubjectKind::device, "device"}});
};

inline SubjectKind kind_of(Subject const &subject) { return static_cast<SubjectKind>(subject.index()); }

/// Returns the id, without its kind.
inline std::string const &text_of(Subject const &subject) {
    return std::visit([](auto const &id) -> std::string const & { return id.text(); }, subject);
}

/// Returns the kind of all subjects. Throws Error (internal): there are none, or they are of several kinds.
SubjectKind common_kind(std::vector<Subject> const &subjects);

/// Returns the id if the subject is of that kind: `subject_as<OrgId>(subject)`.
template <typename Id>
std::optional<Id> subject_as(Subject const &subject) {
    Id const *const id = std::get_if<Id>(&subject);
    return id != nullptr ? std::optional(*id) : std::nullopt;
}

}  // namespace relay
