#include "relay/model/text_of.hpp"
#include "relay/identity/states.hpp"
#include "relay/model/format_text.hpp"
#include "relay/model/ids.hpp"
#include "relay/model/subject.hpp"

#include "relay/model/error.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

namespace relay {

enum class Whole { first, second };
enum class OneMissing { first, second, third };
enum class InMiddleMissing { first, second, third };
enum class OutOfOrder { first, second };
enum class SameText { first, second };
enum class FromOne { first = 1, second };
enum class WithoutTable { first };

template <>
struct EnumText<Whole> {
    static constexpr auto words = std::to_array<EnumWord<Whole>>({{Whole::first, "one"}, {Whole::second, "two"}});
};
template <>
struct EnumText<OneMissing> {
    static constexpr auto words =
        std::to_array<EnumWord<OneMissing>>({{OneMissing::first, "one"}, {OneMissing::second, "two"}});
};
template <>
struct EnumText<InMiddleMissing> {
    static constexpr auto words =
        std::to_array<EnumWord<InMiddleMissing>>({{InMiddleMissing::first, "one"}, {InMiddleMissing::third, "three"}});
};
template <>
struct EnumText<OutOfOrder> {
    static constexpr auto words =
        std::to_array<EnumWord<OutOfOrder>>({{OutOfOrder::second, "two"}, {OutOfOrder::first, "one"}});
};
template <>
struct EnumText<SameText> {
    static constexpr auto words =
        std::to_array<EnumWord<SameText>>({{SameText::first, "one"}, {SameText::second, "one"}});
};
template <>
struct EnumText<FromOne> {
    static constexpr auto words = std::to_array<EnumWord<FromOne>>({{FromOne::first, "one"}, {FromOne::second, "two"}});
};

// A type with which text_of must not compile.
static_assert(detail::has_all_values<Whole>() && detail::has_distinct_texts<Whole>());
static_assert(detail::has_all_values<FromOne>());
static_assert(!detail::has_all_values<OneMissing>());
static_assert(!detail::has_all_values<InMiddleMissing>());
static_assert(!detail::has_all_values<OutOfOrder>());
static_assert(!detail::has_distinct_texts<SameText>());

static_assert(HasText<Whole> && HasText<AgentId> && HasText<Subject>);
static_assert(!HasText<WithoutTable> && !HasText<std::string> && !HasText<int> && !HasText<std::optional<AgentId>>);

static_assert(text_of(Whole::second) == "two" && text_of(FromOne::second) == "two");
static_assert(from_text<Whole>("two") == Whole::second && !from_text<Whole>("three"));

TEST_CASE("an enum goes to its text and back") {
    for (auto const &[value, text] : EnumText<KeyVerdict>::words) {
        CHECK(from_text<KeyVerdict>(text) == value);
        CHECK(text_of(value) == text);
    }
    CHECK(!from_text<Status>("Active"));
    CHECK(!from_text<Status>(""));
    CHECK(from_optional_text<Status>(std::nullopt) == std::nullopt);
    CHECK(from_optional_text<Status>(std::string("blocked")) == Status::blocked);
    CHECK(all_texts<Status>() == std::vector<std::string>{"active", "blocked", "revoked"});
}

TEST_CASE("a subject has a kind and an id") {
    Subject const agent = AgentId::parse("payments");
    Subject const org = OrgId::parse("payments");
    Subject const key = KeyId::parse("000g40r40m30");
    CHECK(text_of(kind_of(agent)) == "agent");
    CHECK(text_of(kind_of(org)) == "org");
    CHECK(text_of(kind_of(key)) == "key");
    CHECK(text_of(key) == "000g40r40m30");
    CHECK(agent != org);
    CHECK(subject_as<OrgId>(org) == OrgId::parse("payments"));
    CHECK(!subject_as<OrgId>(agent));
}

TEST_CASE("a list of subjects has one kind, or none") {
    Subject const agent = AgentId::parse("payments");
    Subject const org = OrgId::parse("acme");
    CHECK(common_kind({org, org}) == SubjectKind::org);
    CHECK_THROWS_AS(common_kind({agent, org}), Error);
    CHECK_THROWS_AS(common_kind({}), Error);
}

TEST_CASE("messages write ids, subjects and enums as their text") {
    AgentId const agent = AgentId::parse("payments");
    std::vector<OrgId> const orgs{OrgId::parse("a"), OrgId::parse("b")};
    CHECK(fmt::format("{} {} is {}", kind_of(Subject(agent)), Subject(agent), Status::revoked) ==
          "agent payments is revoked");
    CHECK(fmt::format("{}", fmt::join(orgs, ", ")) == "a, b");
    CHECK(fmt::format("{:>10}|", agent) == "  payments|");
}

}  // namespace relay
