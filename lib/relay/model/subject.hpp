#pragma once

#include "relay/model/ids.hpp"
#include "relay/model/text_of.hpp"

#include <optional>
#include <string>
#include <variant>
#include <vector>

/// Whom a block or a revocation is about: an agent, a whole organization, or a single key.
namespace relay {

using Subject = std::variant<AgentId, OrgId, KeyId>;

/// In the order of the alternatives of Subject.
enum class SubjectKind { agent, org, key };

template <>
struct EnumText<SubjectKind> {
    static constexpr auto words = std::to_array<EnumWord<SubjectKind>>(
        {{SubjectKind::agent, "agent"}, {SubjectKind::org, "org"}, {SubjectKind::key, "key"}});
};

inline SubjectKind kind_of(Subject const &subject) { return static_cast<SubjectKind>(subject.index()); }

/// The id, without its kind.
inline std::string const &text_of(Subject const &subject) {
    return std::visit([](auto const &id) -> std::string const & { return id.text(); }, subject);
}

/// The kind of all of them: a statement is about subjects of one kind. Throws Error (internal): there are none, or of several kinds.
SubjectKind common_kind(std::vector<Subject> const &subjects);

/// The id if the subject is of that kind: `subject_as<OrgId>(subject)`.
template <typename Id>
std::optional<Id> subject_as(Subject const &subject) {
    Id const *const id = std::get_if<Id>(&subject);
    return id != nullptr ? std::optional(*id) : std::nullopt;
}

}  // namespace relay
