#include "relay/db/transaction.hpp"

#include <utility>

namespace relay::db {

Param::Param(std::nullopt_t) noexcept {}
Param::Param(std::string text) : m_text(std::move(text)) {}
Param::Param(char const *text) : m_text(text) {}
Param::Param(bool value) : m_text(value ? "true" : "false") {}
Param::Param(std::int64_t value) : m_text(std::to_string(value)) {}
Param::Param(int value) : m_text(std::to_string(value)) {}
Param::Param(Instant value) : m_text(format_instant_exact(value)) {}
Param::Param(std::chrono::seconds value) : m_text(std::to_string(value.count())) {}
Param::Param(Param const &other) = default;
Param::Param(Param &&other) noexcept = default;
Param &Param::operator=(Param const &other) = default;
Param &Param::operator=(Param &&other) noexcept = default;
Param::~Param() = default;

}  // namespace relay::db
