#include "relay/db/rows.hpp"

#include "relay/db/rows_impl.hpp"
#include "relay/db/unexpected_answer.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <charconv>

namespace relay::db {
namespace {

[[noreturn]] void complain(char const *column, char const *what) {
    throw unexpected_answer(std::string("result column ") + column + " " + what);
}

Error not_a(char const *kind, char const *column, std::string_view text) {
    return unexpected_answer(std::string("column ") + column + " is " + quote_for_message(text) + ", not " + kind);
}

std::int64_t to_integer(char const *column, std::string_view text) {
    std::int64_t value = 0;
    auto const [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc() || end != text.data() + text.size()) {
        throw not_a("an integer", column, text);
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

int Rows::Impl::column(char const *name) const {
    for (auto const &[known, number] : columns) {
        if (known == name) {
            return number;
        }
    }
    int const number = PQfnumber(result.get(), name);
    if (number < 0) {
        throw unexpected_answer(std::string("a result without the column ") + name);
    }
    columns.emplace_back(name, number);
    return number;
}

std::optional<std::string_view> Row::optional_view(char const *column) const {
    PGresult const *const result = m_rows->m_impl->result.get();
    int const row = static_cast<int>(m_index);
    int const field = m_rows->m_impl->column(column);
    if (PQgetisnull(result, row, field) != 0) {
        return std::nullopt;
    }
    return std::string_view(PQgetvalue(result, row, field), static_cast<std::size_t>(PQgetlength(result, row, field)));
}

std::string_view Row::view(char const *column) const { return required(column, optional_view(column)); }

std::optional<std::string> Row::optional_text(char const *column) const {
    auto const value = optional_view(column);
    return value ? std::optional<std::string>(*value) : std::nullopt;
}

std::string Row::text(char const *column) const { return std::string(view(column)); }

bool Row::boolean(char const *column) const {
    std::string_view const value = view(column);
    if (value != "t" && value != "f") {
        throw not_a("true or false", column, value);
    }
    return value == "t";
}

std::optional<std::int64_t> Row::optional_integer(char const *column) const {
    auto const value = optional_view(column);
    return value ? std::optional(to_integer(column, *value)) : std::nullopt;
}

std::int64_t Row::integer(char const *column) const { return required(column, optional_integer(column)); }

std::optional<Instant> Row::optional_instant(char const *column) const {
    auto const value = optional_view(column);
    try {
        return value ? std::optional(parse_instant(*value)) : std::nullopt;
    } catch (Error const &) {
        throw not_a("a time", column, *value);
    }
}

Instant Row::instant(char const *column) const { return required(column, optional_instant(column)); }

std::optional<std::chrono::seconds> Row::optional_seconds(char const *column) const {
    auto const value = optional_integer(column);
    return value ? std::optional(std::chrono::seconds(*value)) : std::nullopt;
}

std::chrono::seconds Row::seconds(char const *column) const { return required(column, optional_seconds(column)); }

void Row::refuse_unknown(char const *column, std::string_view text) {
    complain(column, ("is " + quote_for_message(text) + ", which this program does not know").c_str());
}

std::size_t Rows::size() const {
    if (PQnfields(m_impl->result.get()) == 0) {  // so "no rows" would not be the server's answer
        throw unexpected_answer("a result without columns");
    }
    return static_cast<std::size_t>(PQntuples(m_impl->result.get()));
}

std::size_t Rows::affected() const {
    std::string_view const count = PQcmdTuples(m_impl->result.get());
    std::size_t affected = 0;
    std::from_chars(count.data(), count.data() + count.size(), affected);
    return affected;
}

Row Rows::one() const {
    if (size() != 1) {
        throw unexpected_answer(std::to_string(size()) + " rows where one was expected");
    }
    return (*this)[0];
}

}  // namespace relay::db
