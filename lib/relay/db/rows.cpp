#include "relay/db/rows.hpp"

#include "relay/db/rows_impl.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <charconv>

namespace relay::db {
namespace {

[[noreturn]] void complain(char const *column, char const *what) {
    throw Error(ErrorKind::internal, std::string("result column ") + column + " " + what);
}

std::int64_t to_integer(char const *column, std::string const &text) {
    std::int64_t value = 0;
    auto const [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc() || end != text.data() + text.size()) {
        complain(column, "is not an integer");
    }
    return value;
}

template <typename T>
T required(char const *column, std::optional<T> value) {
    if (!value) {
        complain(column, "is null");
    }
    return *std::move(value);
}

}  // namespace

std::optional<std::string> Row::optional_text(char const *column) const {
    pqxx::field const field = m_rows->m_impl->result[static_cast<pqxx::result::size_type>(m_index)][column];
    if (field.is_null()) {
        return std::nullopt;
    }
    return std::string(field.c_str(), field.size());
}

std::string Row::text(char const *column) const { return required(column, optional_text(column)); }

bool Row::boolean(char const *column) const { return text(column) == "t"; }

std::optional<std::int64_t> Row::optional_integer(char const *column) const {
    auto const value = optional_text(column);
    return value ? std::optional(to_integer(column, *value)) : std::nullopt;
}

std::int64_t Row::integer(char const *column) const { return required(column, optional_integer(column)); }

std::optional<Instant> Row::optional_instant(char const *column) const {
    auto const value = optional_text(column);
    return value ? std::optional(parse_instant(*value)) : std::nullopt;
}

Instant Row::instant(char const *column) const { return required(column, optional_instant(column)); }

std::optional<std::chrono::seconds> Row::optional_seconds(char const *column) const {
    auto const value = optional_integer(column);
    return value ? std::optional(std::chrono::seconds(*value)) : std::nullopt;
}

std::chrono::seconds Row::seconds(char const *column) const { return required(column, optional_seconds(column)); }

void Row::refuse_unknown(char const *column, std::string const &text) {
    complain(column, ("is " + quote_for_message(text) + ", which this program does not know").c_str());
}

std::size_t Rows::size() const { return static_cast<std::size_t>(m_impl->result.size()); }

std::size_t Rows::affected() const { return static_cast<std::size_t>(m_impl->result.affected_rows()); }

Row Rows::one() const {
    if (size() != 1) {
        throw Error(ErrorKind::internal,
                    "a statement returned " + std::to_string(size()) + " rows where one was expected");
    }
    return (*this)[0];
}

}  // namespace relay::db
