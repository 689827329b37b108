#pragma once

#include "relay/model/ids.hpp"
#include "relay/model/text_of.hpp"
#include "relay/model/time.hpp"

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relay::db {

class Rows;

/// An id type that can be read from a row without checking the text again.
template <typename T>
concept StoredId = std::constructible_from<T, StoredText, std::string>;

/// One row of a result, read by column name and type.
///
/// This is where stored text becomes a typed value: ids without another check, because the schema checked them on
/// their way in; enums by their one table (EnumText); times as instants in UTC. Everything above the `_sql` files
/// sees only those types. Reading null through a getter that is not optional, or a text that the enum does not have,
/// throws Error (internal): the schema allows neither, so it is a bug and not an input error.
class Row {
  public:
    std::string text(char const *column) const;
    std::optional<std::string> optional_text(char const *column) const;
    bool boolean(char const *column) const;
    std::int64_t integer(char const *column) const;
    std::optional<std::int64_t> optional_integer(char const *column) const;
    Instant instant(char const *column) const;
    std::optional<Instant> optional_instant(char const *column) const;
    /// From a column of whole seconds (`extract(epoch from x)::bigint`).
    std::chrono::seconds seconds(char const *column) const;
    std::optional<std::chrono::seconds> optional_seconds(char const *column) const;

    /// `row.id<AgentId>("agent_id")`
    template <StoredId Id>
    Id id(char const *column) const {
        return Id(StoredText(), text(column));
    }
    /// From a column of texts, each followed by a line feed, which no stored id or name has.
    template <StoredId Id>
    std::vector<Id> ids_by_line(char const *column) const {
        std::vector<Id> found;
        for (std::string_view rest = view(column); !rest.empty();) {
            std::size_t const end = rest.find('\n');
            found.push_back(Id(StoredText(), std::string(rest.substr(0, end))));
            rest.remove_prefix(std::min(end, rest.size() - 1) + 1);
        }
        return found;
    }
    template <StoredId Id>
    std::optional<Id> optional_id(char const *column) const {
        auto value = optional_text(column);
        return value ? std::optional(Id(StoredText(), *std::move(value))) : std::nullopt;
    }
    /// `row.value<Status>("status")`. Throws Error (internal) for a text that the table of the enum does not have.
    template <TextEnum Enum>
    Enum value(char const *column) const {
        return known<Enum>(column, view(column));
    }
    template <TextEnum Enum>
    std::optional<Enum> optional_value(char const *column) const {
        auto const value = optional_view(column);
        return value ? std::optional(known<Enum>(column, *value)) : std::nullopt;
    }

  private:
    friend class Rows;
    Row(Rows const &rows, std::size_t index) : m_rows(&rows), m_index(index) {}

    std::string_view view(char const *column) const;
    std::optional<std::string_view> optional_view(char const *column) const;
    [[noreturn]] static void refuse_unknown(char const *column, std::string_view text);
    template <TextEnum Enum>
    static Enum known(char const *column, std::string_view text) {
        auto const value = from_text<Enum>(text);
        if (!value) {
            refuse_unknown(column, text);
        }
        return *value;
    }

    Rows const *m_rows;
    std::size_t m_index;
};

/// A result, completely in memory.
class Rows {
  public:
    struct Impl;
    explicit Rows(std::shared_ptr<Impl const> impl) : m_impl(std::move(impl)) {}

    std::size_t size() const;
    bool empty() const { return size() == 0; }
    Row operator[](std::size_t index) const { return {*this, index}; }
    /// Returns the only row; throws Error (internal) if there is not exactly one.
    Row one() const;
    /// Returns the number of rows that the statement changed.
    std::size_t affected() const;
    /// Returns a column of ids.
    template <StoredId Id>
    std::vector<Id> ids(char const *column) const {
        std::vector<Id> found;
        found.reserve(size());
        for (std::size_t i = 0; i < size(); ++i) {
            found.push_back((*this)[i].template id<Id>(column));
        }
        return found;
    }

    class Iterator {
      public:
        Iterator(Rows const &rows, std::size_t index) : m_rows(&rows), m_index(index) {}
        Row operator*() const { return (*m_rows)[m_index]; }
        Iterator &operator++() {
            ++m_index;
            return *this;
        }
        bool operator!=(Iterator const &other) const { return m_index != other.m_index; }

      private:
        Rows const *m_rows;
        std::size_t m_index;
    };
    Iterator begin() const { return {*this, 0}; }
    Iterator end() const { return {*this, size()}; }

  private:
    friend class Row;
    std::shared_ptr<Impl const> m_impl;
};

}  // namespace relay::db
