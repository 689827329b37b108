#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

/// EnumText: from a value to its text, and back.
///
/// Each enum has one table of its texts. Rows of the database, statements, events, documents and the choices of a
/// flag all use this table. So no code compares the text of a state or kind with a literal, and an enum with a new
/// value does not compile until the value has its text. The table is in the order of the enum, and both directions
/// are checked by the compiler: every value is there once, and no two have the same text.
namespace relay {

template <typename Enum>
struct EnumWord {
    Enum value;
    std::string_view text;
};

/// The table of an enum. It is next to the enum, and has all values in the order of the enum:
///
///     enum class Plan { free, paid };
///     template <>
///     struct EnumText<Plan> {
///         static constexpr auto words = std::to_array<EnumWord<Plan>>({{Plan::free, "free"}, {Plan::paid, "paid"}});
///     };
template <typename Enum>
struct EnumText;

template <typename T>
concept TextEnum = std::is_enum_v<T> && requires {
    EnumText<T>::words;
};

namespace detail {

/// Asks the compiler for the name of `value`. For a number that is not an enumerator, g++ and clang both give a cast,
/// `(relay::Plan)2`.
template <auto value>
consteval bool is_enumerator() {
    constexpr std::string_view name = __PRETTY_FUNCTION__;
    constexpr std::string_view before = "value = ";
    return name[name.find(before) + before.size()] != '(';
}

template <TextEnum Enum>
constexpr std::underlying_type_t<Enum> first_value =
    static_cast<std::underlying_type_t<Enum>>(EnumText<Enum>::words.front().value);

template <TextEnum Enum>
consteval bool has_all_values() {
    using Number = std::underlying_type_t<Enum>;
    constexpr auto &words = EnumText<Enum>::words;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (static_cast<Number>(words[i].value) != first_value<Enum> + static_cast<Number>(i)) {
            return false;
        }
    }
    return !is_enumerator<static_cast<Enum>(first_value<Enum> - 1)>() &&
           !is_enumerator<static_cast<Enum>(first_value<Enum> + static_cast<Number>(words.size()))>();
}

template <TextEnum Enum>
consteval bool has_distinct_texts() {
    constexpr auto &words = EnumText<Enum>::words;
    for (std::size_t i = 0; i < words.size(); ++i) {
        for (std::size_t k = 0; k < i; ++k) {
            if (words[i].text == words[k].text) {
                return false;
            }
        }
    }
    return true;
}

}  // namespace detail

template <TextEnum Enum>
constexpr std::string_view text_of(Enum value) {
    static_assert(detail::has_all_values<Enum>(), "the table has each value once, in the order of the enum");
    static_assert(detail::has_distinct_texts<Enum>(), "two values must not have the same text");
    using Number = std::underlying_type_t<Enum>;
    return EnumText<Enum>::words.at(static_cast<std::size_t>(static_cast<Number>(value) - detail::first_value<Enum>))
        .text;
}

/// Returns the value with this text; none: the table has no such text.
template <TextEnum Enum>
constexpr std::optional<Enum> from_text(std::string_view text) {
    for (EnumWord<Enum> const &word : EnumText<Enum>::words) {
        if (word.text == text) {
            return word.value;
        }
    }
    return std::nullopt;
}

template <TextEnum Enum>
constexpr std::optional<Enum> from_optional_text(std::optional<std::string> const &text) {
    return text ? from_text<Enum>(std::string_view(*text)) : std::nullopt;
}

/// Ids, subjects, and enums with a table.
template <typename T>
concept HasText = requires(T const &value) {
    { text_of(value) } -> std::convertible_to<std::string_view>;
};

template <HasText T>
std::string text_or_empty(std::optional<T> const &value) {
    return value ? std::string(text_of(*value)) : std::string();
}

template <HasText T>
std::vector<std::string> texts_of(std::vector<T> const &values) {
    std::vector<std::string> texts;
    texts.reserve(values.size());
    for (T const &value : values) {
        texts.emplace_back(text_of(value));
    }
    return texts;
}

/// Returns every text of the table: the choices of a flag.
template <TextEnum Enum>
std::vector<std::string> all_texts() {
    std::vector<std::string> texts;
    for (EnumWord<Enum> const &word : EnumText<Enum>::words) {
        texts.emplace_back(word.text);
    }
    return texts;
}

}  // namespace relay
