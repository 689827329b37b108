#pragma once

#include "relay/model/time.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace relay::db {

class Rows;

/// One row of a result; columns are read by name. A null read through a getter that is not optional throws Error (internal).
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

  private:
    friend class Rows;
    Row(Rows const &rows, std::size_t index) : m_rows(&rows), m_index(index) {}
    Rows const *m_rows;
    std::size_t m_index;
};

/// A result, all of it in memory.
class Rows {
  public:
    struct Impl;
    explicit Rows(std::shared_ptr<Impl const> impl) : m_impl(std::move(impl)) {}

    std::size_t size() const;
    bool empty() const { return size() == 0; }
    Row operator[](std::size_t index) const { return {*this, index}; }
    /// The only row; throws Error (internal) if there is not exactly one.
    Row one() const;
    /// Rows that the statement changed.
    std::size_t affected() const;

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
