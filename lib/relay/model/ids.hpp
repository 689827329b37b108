#pragma once

#include <compare>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Identifiers and names as strong types.
///
/// `parse` is the only way to make one from a text from outside, so whoever has one has a valid one. Every `parse`
/// throws Error (usage) that says what is wrong with which text, and what is allowed. There is no empty id: where
/// there may be none, the type is std::optional.
namespace relay {

namespace db {
class Row;
}

/// The right to make an id without checking its text. Only a row of the database has it, because stored text was
/// checked on its way in.
class StoredText {
    friend class db::Row;
    StoredText() = default;
};

namespace detail {
template <typename Tag>
class CheckedText {
  public:
    std::string const &text() const noexcept { return m_text; }
    friend auto operator<=>(CheckedText const &, CheckedText const &) = default;

  protected:
    explicit CheckedText(std::string text) : m_text(std::move(text)) {}

  private:
    std::string m_text;
};
}  // namespace detail

template <typename Tag>
std::string const &text_of(detail::CheckedText<Tag> const &value) {
    return value.text();
}

/// An organization's id: `[a-z0-9][a-z0-9_-]{0,62}`.
class OrgId : public detail::CheckedText<OrgId> {
  public:
    static OrgId parse(std::string_view text);
    OrgId(StoredText, std::string text) : CheckedText(std::move(text)) {}

  private:
    explicit OrgId(std::string text) : CheckedText(std::move(text)) {}
};

/// An agent's id, unique in the whole relay.
class AgentId : public detail::CheckedText<AgentId> {
  public:
    /// The rule for a new agent: `[a-z0-9][a-z0-9_-]{0,62}`.
    static AgentId parse_new(std::string_view text);
    /// The rule for an existing agent, because imported legacy ids may also have capitals and dots:
    /// `[A-Za-z0-9][A-Za-z0-9_.-]{0,126}`.
    static AgentId parse(std::string_view text);
    AgentId(StoredText, std::string text) : CheckedText(std::move(text)) {}

  private:
    explicit AgentId(std::string text) : CheckedText(std::move(text)) {}
};

/// A role's id, unique within its organization: `[a-z0-9][a-z0-9_-]{0,62}`.
class RoleId : public detail::CheckedText<RoleId> {
  public:
    static RoleId parse(std::string_view text);
    RoleId(StoredText, std::string text) : CheckedText(std::move(text)) {}

  private:
    explicit RoleId(std::string text) : CheckedText(std::move(text)) {}
};

/// A plan's id: `[a-z0-9][a-z0-9_-]{0,62}`.
class PlanId : public detail::CheckedText<PlanId> {
  public:
    static PlanId parse(std::string_view text);
    PlanId(StoredText, std::string text) : CheckedText(std::move(text)) {}
    /// The plan of new organizations, and of those whose subscription has ended.
    static PlanId free() { return PlanId(std::string("free")); }
    /// The other plan that every database has.
    static PlanId paid() { return PlanId(std::string("paid")); }
    bool is_free() const { return *this == free(); }

  private:
    explicit PlanId(std::string text) : CheckedText(std::move(text)) {}
};

/// The public part of a key, by which it is looked up and logged: 12 characters of lower-case Crockford base32, 60
/// bits.
class KeyId : public detail::CheckedText<KeyId> {
  public:
    static constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
    static constexpr std::size_t length = 12;
    static KeyId parse(std::string_view text);
    KeyId(StoredText, std::string text) : CheckedText(std::move(text)) {}

  private:
    explicit KeyId(std::string text) : CheckedText(std::move(text)) {}
};

/// The id of a person's device, in the form of a key id. It is the public part of the device's refresh tokens.
class DeviceId : public detail::CheckedText<DeviceId> {
  public:
    static DeviceId parse(std::string_view text);
    DeviceId(StoredText, std::string text) : CheckedText(std::move(text)) {}

  private:
    explicit DeviceId(std::string text) : CheckedText(std::move(text)) {}
};

/// The id of one writing transaction in relay.operations: `op_` and 24 characters of the key id's alphabet, 120 bits.
class OperationId : public detail::CheckedText<OperationId> {
  public:
    static OperationId parse(std::string_view text);

  private:
    explicit OperationId(std::string text) : CheckedText(std::move(text)) {}
};

/// A caller's idempotency key: a UUID in lower case; capitals are accepted and converted.
class RequestId : public detail::CheckedText<RequestId> {
  public:
    static RequestId parse(std::string_view text);

  private:
    explicit RequestId(std::string text) : CheckedText(std::move(text)) {}
};

/// What the operators call a database: 1 to 63 bytes, as a DisplayName, without blanks at its ends, because people must
/// type it.
class DatabaseName : public detail::CheckedText<DatabaseName> {
  public:
    static DatabaseName parse(std::string_view text);

  private:
    explicit DatabaseName(std::string text) : CheckedText(std::move(text)) {}
};

/// A name for people: 1 to 200 bytes of valid UTF-8, without invisible characters (relay/model/unicode.hpp).
class DisplayName : public detail::CheckedText<DisplayName> {
  public:
    static DisplayName parse(std::string_view text);

  private:
    explicit DisplayName(std::string text) : CheckedText(std::move(text)) {}
};

/// Whom to write to about an agent and its keys: a person, a team or an address. As DisplayName.
class OwnerName : public detail::CheckedText<OwnerName> {
  public:
    static OwnerName parse(std::string_view text);
    OwnerName(StoredText, std::string text) : CheckedText(std::move(text)) {}

  private:
    explicit OwnerName(std::string text) : CheckedText(std::move(text)) {}
};

/// The person on whose behalf an agent acts: the id that the system has which issues tokens to people. 1 to 127 visible
/// bytes.
class OwnerUserId : public detail::CheckedText<OwnerUserId> {
  public:
    static OwnerUserId parse(std::string_view text);
    OwnerUserId(StoredText, std::string text) : CheckedText(std::move(text)) {}

  private:
    explicit OwnerUserId(std::string text) : CheckedText(std::move(text)) {}
};

/// The name of a label of an agent: `[a-z0-9][a-z0-9_.-]{0,62}`.
class LabelName : public detail::CheckedText<LabelName> {
  public:
    static LabelName parse(std::string_view text);

  private:
    explicit LabelName(std::string text) : CheckedText(std::move(text)) {}
};

/// A label of an agent, `NAME=VALUE`. The name is a LabelName; the value follows the rule of DisplayName.
class Label : public detail::CheckedText<Label> {
  public:
    static Label parse(std::string_view text);
    Label(StoredText, std::string text) : CheckedText(std::move(text)) {}

    std::string_view name() const { return std::string_view(text()).substr(0, text().find('=')); }
    std::string_view value() const { return std::string_view(text()).substr(text().find('=') + 1); }

  private:
    explicit Label(std::string text) : CheckedText(std::move(text)) {}
};

/// Free text for the audit trail (a reason, a ticket, an actor): as DisplayName, but up to 1000 bytes.
class Note : public detail::CheckedText<Note> {
  public:
    /// `what` names the text in the error: "reason", "ticket", "actor".
    static Note parse(std::string_view what, std::string_view text);

  private:
    explicit Note(std::string text) : CheckedText(std::move(text)) {}
};

/// `provider:method`; each side is `[A-Za-z0-9_.-]{1,64}` or `*`.
class Permission : public detail::CheckedText<Permission> {
  public:
    static Permission parse(std::string_view text);
    /// Returns true if this permission allows `asked`, by the rule of relay_api.authorize: each side is the same, or
    /// `*` in this permission.
    bool covers(Permission const &asked) const;

  private:
    explicit Permission(std::string text) : CheckedText(std::move(text)) {}
};

/// Returns the texts sorted and without duplicates, as permissions are stored and compared.
std::vector<std::string> permission_texts(std::vector<Permission> const &permissions);

}  // namespace relay
