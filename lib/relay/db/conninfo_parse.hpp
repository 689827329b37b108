#pragma once

#include "relay/db/conninfo_checks.hpp"
#include "relay/db/database.hpp"

#include <libpq-fe.h>
#include <cstdlib>
#include <memory>

/// libpq's own reader of connection strings and settings, asked for what this program must know before it connects. One thread at a time: the
/// environment is changed meanwhile.
namespace relay::db {

struct FreeOptions {
    void operator()(PQconninfoOption *options) const { PQconninfoFree(options); }
};
using Options = std::unique_ptr<PQconninfoOption, FreeOptions>;

/// Sets an environment variable (or unsets it, with null) until the end of the scope: the only way to ask libpq's own resolver, PQconndefaults,
/// "what if".
class ScopedVariable {
  public:
    ScopedVariable(char const *name, char const *value);
    ~ScopedVariable() { m_was_set ? setenv(m_name, m_old.c_str(), 1) : unsetenv(m_name); }
    ScopedVariable(ScopedVariable const &) = delete;
    ScopedVariable &operator=(ScopedVariable const &) = delete;

  private:
    char const *m_name;
    std::string m_old{};
    bool m_was_set = false;
};

/// Those with a value, up to the keyword that is null; `options` may be null.
Keywords keywords_of(PQconninfoOption const *options);

/// The keywords of `settings.conninfo` alone. Throws Error (usage) with a text of our own: libpq's parse errors print parts of the password.
Keywords parse_conninfo(Settings const &settings);

/// The service that is asked for: named in `given`, or by PGSERVICE; null if none is.
char const *service_of(Keywords const &given);

}  // namespace relay::db
